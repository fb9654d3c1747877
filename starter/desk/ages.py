"""How long ago something was, and how long it took, for people."""

from datetime import datetime, timedelta
from typing import Final

NOTHING: Final = "–"


def age(since: datetime | None, now: datetime) -> str:
    """How long ago, in the largest unit of which there are at least two."""
    return NOTHING if since is None else span(now - since)


def span(length: timedelta) -> str:
    """A length of time, in the largest unit of which there are at least two."""
    seconds = max(length.total_seconds(), 0)
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
