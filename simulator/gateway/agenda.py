"""What is to happen later, in order of time; nothing happens until somebody asks for what is due."""

import heapq
from collections.abc import Callable
from datetime import datetime
from itertools import count


class Agenda:
    """A list of actions by due time; actions due at the same moment run in the order they were added."""

    def __init__(self) -> None:
        self._entries: list[tuple[datetime, int, Callable[[], None]]] = []
        self._sequence = count()

    def add(self, due: datetime, action: Callable[[], None]) -> None:
        """Put an action down for a moment."""
        heapq.heappush(self._entries, (due, next(self._sequence), action))

    @property
    def next_due(self) -> datetime | None:
        """When the next action is due."""
        return self._entries[0][0] if self._entries else None

    def run_due(self, now: datetime) -> None:
        """Run every action due by now, also those that the running ones add for now or earlier."""
        while self._entries and self._entries[0][0] <= now:
            heapq.heappop(self._entries)[2]()
