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


@dataclass(frozen=True)
class Session:
    """One trading session, from its opening to its close."""

    opens: datetime
    closes: datetime


@dataclass(frozen=True)
class TradingHours:
    """The calendar of one instrument: ``us_stocks`` or ``always_open``."""

    kind: Literal["us_stocks", "always_open"]

    def session_on(self, day: date) -> Session | None:
        """The regular session of a day, ``None`` when the exchange is closed."""
        if self.kind == "always_open":
            return Session(_at(day, time(0, 0)), _at(day + timedelta(days=1), time(0, 0)))
        if day.weekday() >= 5 or day in _HOLIDAYS:
            return None
        return Session(_at(day, time(9, 30)), _at(day, time(13 if day in _HALF_DAYS else 16, 0)))

    def is_open(self, moment: datetime) -> bool:
        """Whether the regular session runs at this moment."""
        session = self.session_on(moment.astimezone(NEW_YORK).date())
        return session is not None and session.opens <= moment < session.closes

    def next_open(self, moment: datetime) -> datetime:
        """When the market opens next; the moment itself while it is open."""
        if self.is_open(moment):
            return moment
        day = moment.astimezone(NEW_YORK).date()
        while True:
            session = self.session_on(day)
            if session and session.opens > moment:
                return session.opens
            day += timedelta(days=1)

    def next_close(self, moment: datetime) -> datetime | None:
        """The close of the session now running or opening next; ``None`` if the market never closes."""
        if self.kind == "always_open":
            return None
        session = self.session_on(self.next_open(moment).astimezone(NEW_YORK).date())
        return session.closes if session else None

    def regular_text(self, moment: datetime) -> str:
        """``liquidHours``: about a week of regular sessions, e.g. ``20261124:0930-20261124:1600;20261126:CLOSED``."""
        return self._text(moment, time(9, 30), None)

    def extended_text(self, moment: datetime) -> str:
        """``tradingHours``: the same days with pre-market from 04:00 and after-hours to 20:00 (17:00 on half days)."""
        return self._text(moment, time(4, 0), timedelta(hours=4))

    def _text(self, moment: datetime, opens: time, after_close: timedelta | None) -> str:
        first = moment.astimezone(NEW_YORK).date()
        return ";".join(self._day(first + timedelta(days=n), opens, after_close) for n in range(_DAYS_SHOWN))

    def _day(self, day: date, opens: time, after_close: timedelta | None) -> str:
        session = self.session_on(day)
        if session is None:
            return f"{day:%Y%m%d}:CLOSED"
        if self.kind == "always_open":
            return f"{day:%Y%m%d}:0000-{session.closes:%Y%m%d:%H%M}"
        closes = session.closes + (after_close or timedelta())
        return f"{day:%Y%m%d}:{opens:%H%M}-{closes:%Y%m%d:%H%M}"


def _at(day: date, clock_time: time) -> datetime:
    return datetime.combine(day, clock_time, NEW_YORK)
