"""The weekly end of a gateway's login: IBKR then wants the second factor again, and a person must be there for it."""

from datetime import UTC, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

WEEKDAYS: Final = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")


def parse_login_end(text: str) -> tuple[int, time, ZoneInfo]:
    """Read ``DAY HH:MM Zone`` (``SUN 01:00 America/New_York``). Raises ``ValueError`` with what is allowed."""
    try:
        day, clock, zone = text.split(" ")
        hour, minute = clock.split(":")
        return WEEKDAYS.index(day.upper()), time(int(hour), int(minute)), ZoneInfo(zone)
    except (ValueError, OSError, KeyError):
        raise ValueError("a day, a time and a zone are needed, as in 'SUN 01:00 America/New_York'") from None


def next_login_end(text: str, now: datetime) -> datetime:
    """When the login ends next, in UTC."""
    weekday, at, zone = parse_login_end(text)
    today = now.astimezone(zone).date()
    ahead = timedelta(days=(weekday - today.weekday()) % 7)
    ends = (datetime.combine(today + days, at, zone).astimezone(UTC) for days in (ahead, ahead + timedelta(days=7)))
    return next(end for end in ends if end > now)
