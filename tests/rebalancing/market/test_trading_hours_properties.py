"""Trading hours, whatever the gateway writes: text is understood or refused, and sessions overlap as minutes do."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from rebalancing.market.trading_hours import (
    HoursInvalid,
    TradingSession,
    common_sessions,
    is_open,
    merged,
    next_open,
    read_sessions,
)

START = datetime(2026, 3, 7, tzinfo=UTC)
MINUTES = 12
"""A short calendar, so that every minute of it can be looked at."""


def at(minute: int) -> datetime:
    """A minute of that calendar."""
    return START + timedelta(minutes=minute)


@st.composite
def calendars(draw: st.DrawFn) -> tuple[TradingSession, ...]:
    """A few sessions in any order, which may touch or overlap."""
    bounds = st.tuples(st.integers(0, MINUTES), st.integers(0, MINUTES)).filter(lambda pair: pair[0] < pair[1])
    pairs = draw(st.lists(bounds, max_size=4))
    return merged(TradingSession(opens_at=at(opens), closes_at=at(closes)) for opens, closes in pairs)


@given(st.lists(calendars(), min_size=1, max_size=3))
def test_a_moment_is_common_if_every_calendar_has_it(several: list[tuple[TradingSession, ...]]) -> None:
    common = common_sessions(several)
    for minute in range(MINUTES + 1):
        assert is_open(common, at(minute)) == all(is_open(sessions, at(minute)) for sessions in several)


@given(st.lists(calendars(), min_size=1, max_size=3), st.integers(0, MINUTES))
def test_the_next_common_opening_is_the_first_moment_when_all_are_open(
    several: list[tuple[TradingSession, ...]], now: int
) -> None:
    together = [m for m in range(now, MINUTES + 1) if all(is_open(sessions, at(m)) for sessions in several)]
    assert next_open(common_sessions(several), at(now)) == (at(together[0]) if together else None)


@given(st.text(alphabet="0123456789:-;,CLOSED x", max_size=60) | st.text(max_size=40), st.text(max_size=20))
def test_any_text_is_read_or_refused(hours: str, zone: str) -> None:
    for name in (zone, "US/Eastern"):
        try:
            sessions = read_sessions(hours, name)
        except HoursInvalid:
            continue
        assert all(session.opens_at < session.closes_at for session in sessions)


@given(
    st.integers(0, 2 * 365 * 24 * 60),
    st.integers(1, 3000),
    st.sampled_from(["US/Eastern", "Japan", "MET", "GB-Eire", "EST (Eastern Standard Time)"]),
)
def test_what_is_written_with_both_dates_is_read_back(minute: int, minutes: int, zone: str) -> None:
    wall = at(minute)
    ends = wall + timedelta(minutes=minutes)
    written = f"{wall:%Y%m%d:%H%M}-{ends:%Y%m%d:%H%M}"
    try:
        (session,) = read_sessions(written, zone)
    except HoursInvalid:
        return  # the clocks went back in between, so it ends before it begins
    lasts = session.closes_at - session.opens_at
    assert abs(lasts - timedelta(minutes=minutes)) in (timedelta(0), timedelta(hours=1))
