"""From a message on a channel to durable triggers: one for each account that follows the channel's strategy."""

import asyncio
import logging

from temporalio.client import Client

from rebalancing.accounts import Account
from rebalancing.configuration import Configuration
from rebalancing.environment import Connections
from rebalancing.errors import RebalancerError
from rebalancing.triggers import Trigger
from starter.ably_channel import AblyChannelListener
from starter.ably_settings import AblySettings, AblyTimings
from starter.events import Event, EventInvalid, parse_event
from starter.received_message import ReceivedMessage
from starter.triggering import deliver

log = logging.getLogger(__name__)


class AblyNotConfigured(RebalancerError):
    """There is no key for Ably, or nothing to listen for."""


class EventDispatcher:
    """Turns the messages of channels into triggers. A channel has the name of the strategy it announces."""

    def __init__(self, client: Client, configuration: Configuration) -> None:
        self._client = client
        self._followers = configuration.strategies
        self._requests = asyncio.Semaphore(configuration.settings.concurrency.max_concurrent_requests)

    async def on_message(self, channel: str, message: ReceivedMessage) -> None:
        """Hand an event on to every account that follows it; returns only when Temporal has all of them (promise P2).

        A message that is no event is logged and dropped: it would not become one by coming again.

        Raises:
            Exception: Temporal did not take the trigger of some account. The message is to be delivered again, which
                the accounts that have it already will not notice.
        """
        try:
            event = parse_event(message.id, message.data)
        except EventInvalid as invalid:
            log.warning("channel %s: message %s starts nothing: %s", channel, message.id, invalid)
            return
        accounts = self._followers.get(channel, ())
        if not accounts:
            log.warning("channel %s: event %s starts nothing: no enabled account follows it", channel, event.event_id)
            return
        deliveries = (self._deliver(channel, message, event, account) for account in accounts)
        # One account's failure must not keep the event from the others.
        results = await asyncio.gather(*deliveries, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        log.info(
            "channel %s: event %s (%s) accepted for %s",
            channel,
            event.event_id,
            event.mode,
            ", ".join(account.account_id for account in accounts),
        )

    async def _deliver(self, channel: str, message: ReceivedMessage, event: Event, account: Account) -> None:
        trigger = Trigger(
            account=account.account_id,
            event_id=event.event_id,
            mode=event.mode,
            source=f"ably:{channel}",
            requested_at=message.timestamp,
        )
        async with self._requests:
            await deliver(self._client, trigger)


def ably_settings(configuration: Configuration, connections: Connections) -> AblySettings:
    """How to reach Ably, and the channels to listen to. Raises ``AblyNotConfigured``."""
    if connections.ably_api_key is None:
        raise AblyNotConfigured("There is no key for Ably: set ABLY_API_KEY in the environment or in .env.")
    if not configuration.strategies:
        raise AblyNotConfigured("No account is enabled, so there is no channel to listen to.")
    return AblySettings(
        key=connections.ably_api_key,
        channels=tuple(configuration.strategies),
        endpoint=connections.ably_endpoint,
        port=connections.ably_port,
        tls=connections.ably_tls,
    )


async def listen(
    client: Client, configuration: Configuration, connections: Connections, timings: AblyTimings | None = None
) -> None:
    """Turn events into triggers until cancelled. Raises ``AblyNotConfigured`` before anything is started."""
    settings = ably_settings(configuration, connections)
    dispatcher = EventDispatcher(client, configuration)
    log.info("listening to %s", ", ".join(settings.channels))
    await AblyChannelListener(settings, dispatcher.on_message, timings=timings).run()
