"""When an instrument trades: session calendar of the US stock exchanges, and a market that never closes.

Regular session 09:30-16:00 New York; holidays and 13:00 closes as NYSE publishes them (nyse.com, "Holidays & Trading
Hours"). Times are aware; the strings are those of ``contractDetails``.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal

from simulator.gateway.clock import NEW_YORK

_HOLIDAYS = {
    date.fromisoformat(text)
    for text in [
        "2025-01-01",
        "2025-01-09",
        "2025-01-20",
        "2025-02-17",
        "2025-04-18",
        "2025-05-26",
        "2025-06-19",
        "2025-07-04",
        "2025-09-01",
        "2025-11-27",
        "2025-12-25",
        "2026-01-01",
        "2026-01-19",
        "2026-02-16",
        "2026-04-03",
        "2026-05-25",
        "2026-06-19",
        "2026-07-03",
        "2026-09-07",
        "2026-11-26",
        "2026-12-25",
        "2027-01-01",
        "2027-01-18",
        "2027-02-15",
        "2027-03-26",
        "2027-05-31",
        "2027-06-18",
        "2027-07-05",
        "2027-09-06",
        "2027-11-25",
        "2027-12-24",
    ]
}
_HALF_DAYS = {
    date.fromisoformat(text)
    for text in ["2025-07-03", "2025-11-28", "2025-12-24", "2026-11-27", "2026-12-24", "2027-11-26"]
}
_DAYS_SHOWN = 7
_DAYS_SEARCHED = 30
_AFTER_HOURS = timedelta(hours=4)


@dataclass(frozen=True)
class Session:
    """One trading session, from its opening to its close."""

    opens: datetime
    closes: datetime


@dataclass(frozen=True)
class TradingHours:
    """The calendar of one instrument: ``us_stocks``, ``always_open``, or ``listed`` sessions and no others.

    ``extended`` asks for the time before the opening and after the close too: from 04:00 to four hours after the close.
    """

    kind: Literal["us_stocks", "always_open", "listed"]
    listed: tuple[Session, ...] = ()
    listed_extended: tuple[Session, ...] = ()

    def sessions_on(self, day: date, *, extended: bool = False) -> tuple[Session, ...]:
        """The sessions that open on a day, in order; none when the exchange is closed."""
        if self.kind == "listed":
            return tuple(each for each in self._listed(extended) if each.opens.astimezone(NEW_YORK).date() == day)
        if self.kind == "always_open":
            return (Session(_at(day, time(0, 0)), _at(day + timedelta(days=1), time(0, 0))),)
        if day.weekday() >= 5 or day in _HOLIDAYS:
            return ()
        closes = _at(day, time(13 if day in _HALF_DAYS else 16, 0))
        if extended:
            return (Session(_at(day, time(4, 0)), closes + _AFTER_HOURS),)
        return (Session(_at(day, time(9, 30)), closes),)

    def is_open(self, moment: datetime, *, extended: bool = False) -> bool:
        """Whether a session runs at this moment."""
        return self._running(moment, extended) is not None

    def next_open(self, moment: datetime, *, extended: bool = False) -> datetime:
        """When the market opens next; the moment itself while it is open."""
        if self.is_open(moment, extended=extended):
            return moment
        day = moment.astimezone(NEW_YORK).date()
        for number in range(_DAYS_SEARCHED):
            for session in self.sessions_on(day + timedelta(days=number), extended=extended):
                if session.opens > moment:
                    return session.opens
        return moment + timedelta(days=_DAYS_SEARCHED)

    def next_close(self, moment: datetime, *, extended: bool = False) -> datetime | None:
        """The close of the session now running or opening next; ``None`` if the market never closes."""
        if self.kind == "always_open":
            return None
        session = self._running(self.next_open(moment, extended=extended), extended)
        return session.closes if session else None

    def regular_text(self, moment: datetime) -> str:
        """``liquidHours``: about a week of regular sessions, e.g. ``20261124:0930-20261124:1600;20261126:CLOSED``."""
        return self._text(moment, extended=False)

    def extended_text(self, moment: datetime) -> str:
        """``tradingHours``: the same days with pre-market from 04:00 and after-hours to 20:00 (17:00 on half days)."""
        return self._text(moment, extended=True)

    def _running(self, moment: datetime, extended: bool) -> Session | None:
        today = moment.astimezone(NEW_YORK).date()
        nearby = (
            self._listed(extended)
            if self.kind == "listed"
            else [
                session
                for day in (today, today - timedelta(days=1))
                for session in self.sessions_on(day, extended=extended)
            ]
        )
        return next((each for each in nearby if each.opens <= moment < each.closes), None)

    def _listed(self, extended: bool) -> list[Session]:
        return sorted(self.listed_extended if extended else self.listed, key=lambda session: session.opens)

    def _text(self, moment: datetime, *, extended: bool) -> str:
        first = moment.astimezone(NEW_YORK).date()
        if self.kind == "listed":
            running = self._running(moment, extended)
            yesterday = first - timedelta(days=1)
            first = min(yesterday, running.opens.astimezone(NEW_YORK).date()) if running else yesterday
        return ";".join(self._day(first + timedelta(days=n), extended=extended) for n in range(_DAYS_SHOWN))

    def _day(self, day: date, *, extended: bool) -> str:
        spans = [
            f"{session.opens.astimezone(NEW_YORK):%Y%m%d:%H%M}-{session.closes.astimezone(NEW_YORK):%Y%m%d:%H%M}"
            for session in self.sessions_on(day, extended=extended)
        ]
        return ";".join(spans) or f"{day:%Y%m%d}:CLOSED"


def _at(day: date, clock_time: time) -> datetime:
    return datetime.combine(day, clock_time, NEW_YORK)
