"""Trading hours as the gateway writes them, and the moments when several symbols trade at once.

IBKR describes about a week: ``20260928:0930-20260928:1600;20260929:CLOSED`` and, in the older form,
``20090507:0700-1830,1830-2330;20090508:CLOSED``, in the exchange's own zone (TWS API, ``ContractDetails.liquidHours``).
Everything here is in UTC once it is read: Python compares and subtracts two moments of one zone by their wall clocks,
which is wrong across a change of the clocks.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from rebalancing.base import FrozenModel, Instant

DEFAULT_ZONE: Final = "America/New_York"
"""Where the gateway names none: this application trades US stocks and ETFs."""

ZONES: Final = {
    "EST": DEFAULT_ZONE,
    "EDT": DEFAULT_ZONE,
    "EST5EDT": DEFAULT_ZONE,
    "US/EASTERN": DEFAULT_ZONE,
    "CST": "America/Chicago",
    "CDT": "America/Chicago",
    "CST6CDT": "America/Chicago",
    "US/CENTRAL": "America/Chicago",
    "MST": "America/Denver",
    "MST7MDT": "America/Denver",
    "US/MOUNTAIN": "America/Denver",
    "PST": "America/Los_Angeles",
    "PDT": "America/Los_Angeles",
    "PST8PDT": "America/Los_Angeles",
    "US/PACIFIC": "America/Los_Angeles",
    "CANADA/EASTERN": "America/Toronto",
    "GMT": "Europe/London",
    "BST": "Europe/London",
    "GB": "Europe/London",
    "GB-EIRE": "Europe/London",
    "WET": "Europe/Lisbon",
    "MET": "Europe/Berlin",
    "MEST": "Europe/Berlin",
    "CET": "Europe/Berlin",
    "CEST": "Europe/Berlin",
    "EET": "Europe/Helsinki",
    "JST": "Asia/Tokyo",
    "JAPAN": "Asia/Tokyo",
    "HKT": "Asia/Hong_Kong",
    "HONGKONG": "Asia/Hong_Kong",
    "SGT": "Asia/Singapore",
    "SINGAPORE": "Asia/Singapore",
    "KST": "Asia/Seoul",
    "ROK": "Asia/Seoul",
    "PRC": "Asia/Shanghai",
    "ISRAEL": "Asia/Jerusalem",
    "AUSTRALIA/NSW": "Australia/Sydney",
}
"""IBKR's abbreviations and the older names, which not every system's zone database has.

The abbreviations mean the exchange's zone with its summer time: ``EST`` in the zone database would be New York's winter
time all year, and ``GMT`` London's.
"""

_PARENTHESIS: Final = re.compile(r"\s*\(.*\)\s*$")


class HoursInvalid(ValueError):
    """Trading hours, or the zone they are in, that cannot be understood."""


class TradingSession(FrozenModel):
    """One span of time in which a symbol trades, from its opening up to its close."""

    opens_at: Instant
    closes_at: Instant


def exchange_zone(name: str) -> ZoneInfo:
    """The time zone that IBKR names, as in ``US/Eastern``, ``EST5EDT``, ``EST (Eastern Standard Time)`` or ``Japan``.

    Raises ``HoursInvalid`` for a name that is no zone.
    """
    plain = _PARENTHESIS.sub("", name).strip()
    try:
        return ZoneInfo(ZONES.get(plain.upper(), plain) or DEFAULT_ZONE)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise HoursInvalid(f"the time zone {name!r} is not known") from error


def read_sessions(hours: str, time_zone: str) -> tuple[TradingSession, ...]:
    """The sessions in the gateway's text, in order, those that touch or overlap as one; ``CLOSED`` days have none.

    Raises ``HoursInvalid`` for text that is not understood: a day misread would be a day traded wrongly.
    """
    zone = exchange_zone(time_zone)
    found: list[TradingSession] = []
    for day in filter(None, (part.strip() for part in hours.split(";"))):
        date, colon, spans = day.partition(":")
        if not colon:
            raise HoursInvalid(f"{day!r} is no day of trading hours")
        if spans.strip().upper() == "CLOSED":
            _moment(date, "0000", zone)
            continue
        found += [_session(date, span, zone) for span in spans.split(",")]
    return merged(found)


def merged(sessions: Iterable[TradingSession]) -> tuple[TradingSession, ...]:
    """The same time as few sessions as possible, in order: a market that never closes is one session, not seven."""
    result: list[TradingSession] = []
    for session in sorted(sessions, key=lambda session: (session.opens_at, session.closes_at)):
        if result and session.opens_at <= result[-1].closes_at:
            latest = max(result[-1].closes_at, session.closes_at)
            result[-1] = TradingSession(opens_at=result[-1].opens_at, closes_at=latest)
        else:
            result.append(session)
    return tuple(result)


def common_sessions(calendars: Iterable[tuple[TradingSession, ...]]) -> tuple[TradingSession, ...]:
    """When all of these calendars have a session at once: what must trade together can trade then.

    No calendar at all has no common session.
    """
    common: tuple[TradingSession, ...] | None = None
    for sessions in calendars:
        common = sessions if common is None else _overlaps(common, sessions)
    return merged(common or ())


def is_open(sessions: Iterable[TradingSession], at: datetime) -> bool:
    """Whether one of the sessions runs at this moment."""
    return any(session.opens_at <= at < session.closes_at for session in sessions)


def next_open(sessions: Iterable[TradingSession], at: datetime) -> datetime | None:
    """When the next session begins; ``at`` itself while one runs, ``None`` if none is to come."""
    return min((max(session.opens_at, at) for session in sessions if session.closes_at > at), default=None)


def on_the_clocks_of(zones: Iterable[str], at: datetime) -> str:
    """A moment on the exchanges' own clock and in UTC, as in ``Mon 2026-11-30 09:30 EST (14:30 UTC)``.

    In UTC alone where they go by different clocks. ``zones`` are names that the zone database has.
    """
    utc = at.astimezone(UTC)
    names = set(zones)
    if len(names) != 1:
        return f"{utc:%a %Y-%m-%d %H:%M} UTC"
    local = at.astimezone(ZoneInfo(names.pop()))
    other_day = "" if local.date() == utc.date() else f"{utc:%a} "
    return f"{local:%a %Y-%m-%d %H:%M %Z} ({other_day}{utc:%H:%M} UTC)"


def _overlaps(some: tuple[TradingSession, ...], others: tuple[TradingSession, ...]) -> tuple[TradingSession, ...]:
    overlaps: list[TradingSession] = []
    for one in some:
        for other in others:
            opens_at = max(one.opens_at, other.opens_at)
            closes_at = min(one.closes_at, other.closes_at)
            if opens_at < closes_at:
                overlaps.append(TradingSession(opens_at=opens_at, closes_at=closes_at))
    return tuple(overlaps)


def _session(date: str, span: str, zone: ZoneInfo) -> TradingSession:
    start, dash, end = span.strip().partition("-")
    if not dash:
        raise HoursInvalid(f"{span!r} is no span of trading hours")
    opens_at = _moment(date, start, zone)
    closes_at = _moment(date, end, zone)
    if closes_at <= opens_at and ":" not in end:
        # The older form gives no date to the end. That such a session ends on the next day is a guess: no recording of
        # one is at hand, and stocks have none.
        closes_at = _moment(date, end, zone, days=1)
    if closes_at <= opens_at:
        raise HoursInvalid(f"{span!r} ends before it begins")
    return TradingSession(opens_at=opens_at, closes_at=closes_at)


def _moment(date: str, text: str, zone: ZoneInfo, days: int = 0) -> datetime:
    own_date, _, time = text.strip().rpartition(":")
    day, midnight_after = own_date or date, time == "2400"
    written = day + ("0000" if midnight_after else time)
    if not re.fullmatch(r"\d{12}", written):
        raise HoursInvalid(f"{day}:{time} is no moment")
    try:
        wall = datetime.strptime(written, "%Y%m%d%H%M").replace(tzinfo=zone)
    except ValueError as error:
        raise HoursInvalid(f"{day}:{time} is no moment") from error
    return (wall + timedelta(days=days + midnight_after)).astimezone(UTC)  # days added on the exchange's own calendar
