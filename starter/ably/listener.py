"""From a message on a channel to durable triggers: one for each account that follows the channel's strategy."""

import asyncio
import logging
from itertools import product
from typing import Final

from pydantic import SecretStr
from temporalio.client import Client

from configuration.configuration import Configuration
from configuration.configuration_in_use import ConfigurationInUse
from configuration.environment import Connections
from contract import metrics, tracing
from rebalancing.accounts import Account
from rebalancing.errors import RebalancerError
from rebalancing.triggers import Trigger
from starter.ably.ably_channel import AblyChannelListener
from starter.ably.ably_settings import AblySettings, AblyTimings
from starter.ably.channel_records import ChannelRecords
from starter.ably.events import Event, EventInvalid, parse_event
from starter.ably.received_message import ReceivedMessage
from starter.ably.temporal_away import TemporalAwayError, while_temporal_is_there
from starter.desk.trigger import deliver

log = logging.getLogger(__name__)

ACCEPTED: Final = "accepted"
NO_EVENT: Final = "no event"
NOBODY_FOLLOWS: Final = "nobody follows"
BEFORE: Final = "before this installation"
RESULTS: Final = (ACCEPTED, NO_EVENT, NOBODY_FOLLOWS, BEFORE)
"""What a message came to, in metrics."""


class AblyNotConfigured(RebalancerError):
    """There is no key for Ably, or nothing to listen for.

    Do: set ``ABLY_API_KEY``, and ``strategy_name`` of at least one account that is enabled.
    """


class EventDispatcher:
    """Turns the messages of channels into triggers. A channel has the name of the strategy it announces."""

    def __init__(self, client: Client, configuration: ConfigurationInUse, records: ChannelRecords) -> None:
        self._client = client
        self._records = records
        self._configuration = configuration
        self._requests = asyncio.Semaphore(configuration.settings.concurrency.max_concurrent_requests)

    async def on_message(self, channel: str, message: ReceivedMessage) -> None:
        """Hand an event on to every account that follows it; returns only when Temporal has all of them (promise P2).

        A message that is no event is logged and dropped: it would not become one by coming again. So is one that was
        published before this installation followed the channel; it is asked each time, because a database may be lost
        while this process lives.

        Raises:
            TemporalAwayError: Temporal takes nothing at the moment, or does not know the channel yet.
            Exception: Temporal did not take the trigger of some account. The message is to be delivered again, which
                the accounts that have it already will not notice.
        """
        try:
            event = parse_event(message.id, message.data)
        except EventInvalid as invalid:
            log.warning("channel %s: message %s starts nothing: %s", channel, message.id, invalid)
            _count(channel, NO_EVENT)
            return
        accounts = self._configuration.now.strategies.get(channel, ())
        if not accounts:
            told = "channel %s: event %s starts nothing: no enabled account follows it"
            log.warning(told, channel, event.event_id, extra={"event": event.event_id})
            _count(channel, NOBODY_FOLLOWS)
            return
        born = await self._records.born(channel)
        if born is None:
            raise TemporalAwayError(f"this Temporal server does not know the channel {channel} yet")
        if message.timestamp < born:
            log.warning("channel %s: event %s starts nothing: it was published on %s, before this installation "
                        "followed the channel", channel, event.event_id, message.timestamp.isoformat(),
                        extra={"event": event.event_id})  # fmt: skip
            _count(channel, BEFORE)
            return
        await self._records.delivering(channel, message.id)
        deliveries = (self._deliver(channel, message, event, account) for account in accounts)
        # One account's failure must not keep the event from the others.
        with tracing.span("event", channel=channel, event=event.event_id, mode=event.mode.value):
            results = await asyncio.gather(*deliveries, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        _count(channel, ACCEPTED)
        log.info(
            "channel %s: event %s (%s) accepted for %s",
            channel,
            event.event_id,
            event.mode,
            ", ".join(account.account_id for account in accounts),
            extra={"event": event.event_id},
        )

    async def _deliver(self, channel: str, message: ReceivedMessage, event: Event, account: Account) -> None:
        trigger = Trigger(
            account=account.account_id,
            event_id=event.event_id,
            mode=event.mode,
            source=f"ably:{channel}",
            requested_at=message.timestamp,
        )
        async with self._requests, while_temporal_is_there():
            await deliver(self._client, trigger, account.strategy_name)


def _count(channel: str, result: str, by: int = 1) -> None:
    metrics.EVENTS.add(metrics.process_meter(), by, channel=channel, result=result)


def ably_settings(configuration: Configuration, connections: Connections) -> AblySettings:
    """How to reach Ably, and the channels to listen to. Raises ``AblyNotConfigured``."""
    key = require_key(connections)
    if not configuration.strategies:
        raise AblyNotConfigured("No account is enabled, so there is no channel to listen to.")
    return AblySettings(
        key=key,
        channels=tuple(configuration.strategies),
        endpoint=connections.ably_endpoint,
        port=connections.ably_port,
        tls=connections.ably_tls,
    )


def require_key(connections: Connections) -> SecretStr:
    """The key for Ably. Raises ``AblyNotConfigured`` if there is none."""
    if connections.ably_api_key is None:
        raise AblyNotConfigured("There is no key for Ably: set ABLY_API_KEY in the environment or in .env.")
    return connections.ably_api_key


async def listen(
    client: Client, configuration: ConfigurationInUse, connections: Connections, timings: AblyTimings | None = None
) -> None:
    """Turn events into triggers until cancelled; while Temporal is away, events are kept and delivered afterwards.

    A channel that is followed once is read until the end, also while every account that follows it is switched off:
    its events start nothing then, and do not come back when one is switched on. Raises ``AblyNotConfigured`` before
    anything is started, if there is no key.
    """
    require_key(connections)
    while not configuration.now.strategies:
        log.warning("no account is enabled, so there is no channel to listen to until one is")
        await configuration.change()
    settings = ably_settings(configuration.now, connections)
    records = ChannelRecords(client)
    dispatcher = EventDispatcher(client, configuration, records)
    while True:
        log.info("listening to %s", ", ".join(settings.channels))
        for channel, result in product(settings.channels, RESULTS):
            _count(channel, result, 0)  # a rise from nothing is no rise
        listener = AblyChannelListener(settings, records, dispatcher.on_message, timings=timings)
        channels = await _until_there_are_more(listener, configuration, settings.channels)
        settings = settings.model_copy(update={"channels": channels})


async def _until_there_are_more(
    listener: AblyChannelListener, configuration: ConfigurationInUse, known: tuple[str, ...]
) -> tuple[str, ...]:
    """Listen until a changed configuration names further channels; all of them, the known ones first.

    Ending the listener loses nothing: Temporal remembers how far each channel was read.
    """
    listening = asyncio.create_task(listener.run())
    try:
        while True:
            change = asyncio.create_task(configuration.change())
            await asyncio.wait({listening, change}, return_when=asyncio.FIRST_COMPLETED)
            change.cancel()
            if listening.done():
                listening.result()
            channels = tuple(dict.fromkeys((*known, *configuration.now.strategies)))
            if channels != known:
                return channels
    finally:
        listening.cancel()
        await asyncio.wait({listening})
