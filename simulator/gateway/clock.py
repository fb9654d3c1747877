"""Time as the simulation sees it, injected everywhere so that tests decide what time it is."""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from simulator.gateway.scenario import ClockSetup

NEW_YORK = ZoneInfo("US/Eastern")  # the zone's name as the gateway spells it


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
