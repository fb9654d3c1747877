"""The gateway's daily restart: no leg is started just before it, and none during it.

The IB Gateway restarts itself once a day at a time set in its own window (default 23:45); it is away for a minute or
two.
"""

from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

MARGIN: Final = timedelta(minutes=2)
"""A leg started later than this before the restart might be cut off by it."""

LASTS: Final = timedelta(minutes=3)
"""How long the gateway is away, with some to spare."""


def parse_restart(text: str) -> tuple[time, ZoneInfo]:
    """Read ``HH:MM Zone`` (``23:45 US/Eastern``). Raises ``ValueError`` with what is allowed."""
    clock, _, zone = text.partition(" ")
    try:
        hour, minute = clock.split(":")
        return time(int(hour), int(minute)), ZoneInfo(zone)
    except (ValueError, OSError, KeyError):
        raise ValueError("a time and a zone are needed, as in '23:45 US/Eastern'") from None


def restart_over_at(text: str, now: datetime) -> datetime | None:
    """When the restart that is about to happen, or happening, is over; ``None`` if none is near."""
    at, zone = parse_restart(text)
    local = now.astimezone(zone)
    for day in (-1, 0, 1):
        restart = datetime.combine((local + timedelta(days=day)).date(), at, zone)
        if restart - MARGIN <= now < restart + LASTS:
            return restart + LASTS
    return None
