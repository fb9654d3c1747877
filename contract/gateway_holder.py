"""Who holds a gateway's connection, and since when: said by the identity with which its one slot is polled.

A worker polls the slot's queue only while it holds the connection (promise P4), so that whoever asks the server who
polls that queue is told whether the gateway is connected.
"""

from datetime import datetime
from typing import Final, NamedTuple

_SINCE: Final = " connected "


class GatewayHolder(NamedTuple):
    """A process that holds a gateway's connection. ``since`` is ``None`` where it does not say."""

    process: str
    since: datetime | None

    @classmethod
    def of(cls, identity: str) -> "GatewayHolder":
        """What an identity says; of one of another kind only its name is known."""
        process, _, since = identity.partition(_SINCE)
        try:
            at = datetime.fromisoformat(since)
        except ValueError:
            return cls(process, None)
        return cls(process, at if at.tzinfo else None)

    @property
    def identity(self) -> str:
        """As it is said to the server."""
        return f"{self.process}{_SINCE}{self.since.isoformat(timespec='seconds')}" if self.since else self.process
