"""How far back a channel's history reaches, told from outside: Ably's API names no retention to those who only listen.

A channel keeps its messages for two minutes, or with persistence for a day at least (72 hours on paid plans). So a
message older than two minutes is proof that the channel keeps them, and the absence of one that was certainly there is
proof that it does not.
"""

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Protocol

KEPT_WITHOUT_PERSISTENCE: Final = timedelta(minutes=2)
KEPT_WITH_PERSISTENCE: Final = timedelta(hours=24)
"""At least; Ably's documents."""

LEEWAY: Final = timedelta(minutes=1)
"""Ably may be late to forget."""


class Reach(StrEnum):
    """Whether everything published since a moment is still in the history."""

    COMPLETE = "complete"
    SHORT = "short"
    UNKNOWN = "unknown"


class History(Protocol):
    """Where the past of a channel can be read.

    Raises:
        AblyUnavailableError, AblyKeyRefusedError: from every method; it could not be read.
    """

    async def server_time(self) -> datetime:
        """The server's clock."""
        ...

    def pages(self, start: datetime) -> AsyncGenerator[Sequence[object]]:
        """The raw messages since `start`, oldest first."""
        ...

    async def newest_until(self, end: datetime) -> datetime | None:
        """When the newest message up to `end` was published; None if the history has none."""
        ...


async def reach_back(history: History, since: datetime, now: datetime, seen: datetime | None) -> Reach:
    """Whether the history still has everything that was published after `since`, as far as that can be told.

    Args:
        since: Longer ago than every channel keeps its messages.
        now: By the same clock, Ably's.
        seen: When the newest message that is known of was published, if one is.
    """
    if await history.newest_until(since) is not None:
        return Reach.COMPLETE  # messages are forgotten in the order they came
    surely_gone = now - KEPT_WITHOUT_PERSISTENCE - LEEWAY
    if since < surely_gone and await history.newest_until(surely_gone) is not None:
        return Reach.COMPLETE if now - since < KEPT_WITH_PERSISTENCE else Reach.UNKNOWN
    if seen is not None and now - KEPT_WITH_PERSISTENCE < seen <= surely_gone:
        return Reach.SHORT
    return Reach.UNKNOWN
