"""Time as the simulation sees it, injected everywhere so that tests decide what time it is."""

import re
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from simulator.gateway.scenario import ClockSetup

NEW_YORK = ZoneInfo("US/Eastern")  # the zone's name as the gateway spells it
_LOCAL_MOMENT = re.compile(r"([0-9]{8} +[0-9:]{8})(?: +([A-Za-z][A-Za-z0-9_+/-]*))?")
_UTC_MOMENT = re.compile(r"[0-9]{8}-[0-9:]{8}")


class Clock(Protocol):
    """Where the engine gets its time."""

    def now(self) -> datetime:
        """The present moment, time-zone aware."""
        ...


class RealClock:
    """The computer's clock."""

    def now(self) -> datetime:
        """The present moment in UTC."""
        return datetime.now(UTC)


class OffsetClock:
    """Starts at a chosen moment and runs on at normal speed."""

    def __init__(self, start: datetime) -> None:
        self._start = start
        self._origin = time.monotonic()

    def now(self) -> datetime:
        """The chosen start plus the time passed since."""
        return self._start + timedelta(seconds=time.monotonic() - self._origin)


class ManualClock:
    """Stands still until it is moved: for tests of the engine."""

    def __init__(self, start: datetime) -> None:
        self._now = start

    def now(self) -> datetime:
        """The moment it was last moved to."""
        return self._now

    def advance(self, seconds: float) -> datetime:
        """Move on by so many seconds and return the new moment."""
        self._now += timedelta(seconds=seconds)
        return self._now


def build_clock(setup: ClockSetup) -> Clock:
    """The clock a scenario asks for."""
    return RealClock() if setup.start is None else OffsetClock(setup.start)


def read_moment(text: str) -> datetime | None:
    """A moment as clients write it, ``None`` for anything else.

    ``20261124 09:30:00 US/Eastern``; without a zone it is New York time, and ``20261124-14:30:00`` is UTC.
    """
    try:
        if _UTC_MOMENT.fullmatch(text):
            return datetime.strptime(text, "%Y%m%d-%H:%M:%S").replace(tzinfo=UTC)
        if match := _LOCAL_MOMENT.fullmatch(text):
            zone = ZoneInfo(match[2]) if match[2] else NEW_YORK
            return datetime.strptime(" ".join(match[1].split()), "%Y%m%d %H:%M:%S").replace(tzinfo=zone)
    except (ValueError, KeyError, OSError):  # no such day, or no such zone
        return None
    return None
