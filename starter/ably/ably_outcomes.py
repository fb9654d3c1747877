"""Publishes what runs came to on an Ably channel, for programs that wait for it."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from ably import AblyRest
from ably.types.message import Message

from configuration.environment import Connections
from contract.alerts import Alert, OutcomePublisher
from starter.ably.ably_failures import keep_key_out_of_logs, translated
from starter.ably.ably_options import rest_options
from starter.ably.ably_settings import AblyKeyRefusedError, AblySettings

NAME: Final = "outcome"
"""What the messages are called."""

TIMEOUT: Final = 20.0
"""Seconds for one message."""


class AblyOutcomes(OutcomePublisher):
    """Publishes with the listener's key, which must be allowed to ``publish`` on that channel."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        keep_key_out_of_logs()

    @property
    def can_publish(self) -> bool:
        """Whether there is a key."""
        return self._connections.ably_api_key is not None

    async def publish(self, channel: str, alert: Alert) -> None:
        """Publish it under an id of its own, by which Ably drops what comes twice.

        Raises ``AblyKeyRefusedError`` or ``AblyUnavailableError``.
        """
        assert self._connections.ably_api_key is not None
        settings = AblySettings(
            key=self._connections.ably_api_key,
            channels=(channel,),
            endpoint=self._connections.ably_endpoint,
            port=self._connections.ably_port,
            tls=self._connections.ably_tls,
        )
        message = Message(name=NAME, data=outcome_of(alert), id=alert.alert_id)
        try:
            async with asyncio.timeout(TIMEOUT), AblyRest(**rest_options(settings)) as client:
                await client.channels.get(channel).publish(message)
        except Exception as error:  # the library lets errors of its own libraries through
            told = translated(error, settings)
            if isinstance(told, AblyKeyRefusedError):
                told = AblyKeyRefusedError(f"{told}. To publish outcomes it needs `publish` on the channel {channel}")
            raise told from None


def outcome_of(alert: Alert) -> Mapping[str, Any]:
    """What is published, in JSON: times in ISO 8601, money and percentages as text, what is not known as null."""
    run = alert.run.model_dump(mode="json", exclude={"acts"}) if alert.run else {}
    told = {"kind": alert.kind.value, "account": alert.account, "strategy": alert.strategy or None}
    return {**told, "workflow_id": alert.workflow_id, "run_id": alert.run_id, "event": alert.event or None, **run}
