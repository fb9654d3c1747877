"""What all connections and requests share: the channels, the credentials, who is connected, and the faults."""

import secrets
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from simulator.ably.channels import Channel, Clock, Publication, Receipt
from simulator.ably.credentials import Credentials
from simulator.ably.errors import AblyError
from simulator.ably.messages import Draft


class Subscriber(Protocol):
    """A connection, as the hub sees it."""

    connection_id: str

    def deliver(self, channel: str, publication: Publication) -> None:
        """Pass a publication on if this connection is attached to the channel."""
        ...


@dataclass(slots=True)
class Hub:
    """The state of the server. Durations in milliseconds."""

    credentials: Credentials
    clock: Clock
    retention_ms: int
    max_idle_interval_ms: int
    channels: dict[str, Channel] = field(default_factory=dict[str, Channel])
    subscribers: set[Subscriber] = field(default_factory=set[Subscriber])
    connection_ids: dict[str, str] = field(default_factory=dict[str, str])
    """Connection key to connection id, for those who may still resume."""
    connect_error: AblyError | None = None
    """While set, every new connection is answered with it."""
    rest_errors: deque[AblyError] = field(default_factory=deque[AblyError])
    """Answers to the next REST requests, one each."""
    history_bodies: deque[tuple[bytes, str | None]] = field(default_factory=deque[tuple[bytes, str | None]])
    """What the next history requests are answered with in the place of a page, as JSON whatever it is, and its link."""
    history_delay: float = 0.0
    """Seconds before a page of history is answered."""
    rest_requests: list[str] = field(default_factory=list[str])
    """`METHOD path` of every REST request seen, without the query."""

    def channel(self, name: str) -> Channel:
        """The channel of that name, made on first use."""
        if name not in self.channels:
            self.channels[name] = Channel(name, self.clock, self.retention_ms)
        return self.channels[name]

    def publish(
        self, channel: str, drafts: Sequence[Draft], *, id_prefix: str | None = None, connection_id: str | None = None
    ) -> Receipt:
        """Store a publication and hand what is new of it to everyone attached."""
        receipt = self.channel(channel).publish(
            drafts, id_prefix=id_prefix or secrets.token_urlsafe(8), connection_id=connection_id
        )
        if receipt.publication is not None:
            for subscriber in list(self.subscribers):
                subscriber.deliver(channel, receipt.publication)
        return receipt

    def forget_connections(self) -> None:
        """Lose continuity everywhere: neither connections nor channels can be resumed from what was known before."""
        self.connection_ids.clear()
        for channel in self.channels.values():
            channel.lose_continuity()
