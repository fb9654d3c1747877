"""Keeps one cause from filling a phone: of many urgent alerts in a short time, the later ones are told together."""

from collections import deque
from datetime import datetime, timedelta
from typing import Final

AT_ONCE: Final = 10
"""So many urgent alerts within ``WINDOW`` are told one by one."""

WINDOW: Final = timedelta(minutes=1)
"""And as long the others wait for each other."""


class Bursts:
    """Counts what this worker tells at once. One that is started anew lets a few more through."""

    def __init__(self) -> None:
        self._told: deque[datetime] = deque(maxlen=AT_ONCE)

    def due(self, now: datetime) -> datetime | None:
        """When an urgent alert is to go out together with others; ``None``: at once."""
        if len(self._told) == AT_ONCE and now - self._told[0] < WINDOW:
            return now + WINDOW
        self._told.append(now)
        return None
