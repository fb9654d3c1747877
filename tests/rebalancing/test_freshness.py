"""Until when figures are fresh, to the microsecond, and why they are not any more (promise P11)."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from rebalancing.freshness import CLOCK_TOLERANCE, Figures, figures_of
from rebalancing.market.snapshot import AccountSnapshot
from rebalancing.market.trading_hours import TradingSession

READ_AT = datetime(2026, 11, 23, 17, tzinfo=UTC)
FRESHNESS = timedelta(seconds=60)
TICK = timedelta(microseconds=1)
TODAY = TradingSession(opens_at=READ_AT - timedelta(hours=2), closes_at=READ_AT + timedelta(hours=4))
TOMORROW = TradingSession(opens_at=TODAY.opens_at + timedelta(days=1), closes_at=TODAY.closes_at + timedelta(days=1))
FIGURES = Figures(connection="a", taken_at=READ_AT, fresh_until=READ_AT + FRESHNESS, position=0)
SNAPSHOT = AccountSnapshot(
    account="DU1", taken_at=READ_AT, connection="a", cash=Decimal(1), positions={"QQQ": 7, "SPY": 9}
)


def fresh_for(at: datetime, *sessions: TradingSession) -> timedelta:
    """For how long after the reading an order that is made of it at this moment may be sent."""
    return figures_of(SNAPSHOT, "QQQ", sessions, FRESHNESS, at).fresh_until - READ_AT


@pytest.mark.parametrize("after", [-CLOCK_TOLERANCE, timedelta(), FRESHNESS - TICK])
def test_figures_are_fresh_until_their_time_is_over_and_under_a_clock_that_is_a_little_behind(after: timedelta) -> None:
    assert FIGURES.staleness("a", READ_AT + after) == ""


@pytest.mark.parametrize(
    ("connection", "after", "words"),
    [
        ("b", timedelta(), "the connection was made anew since the account was read"),
        ("", timedelta(), "the connection was made anew since the account was read"),
        ("a", FRESHNESS, "the account was read 60 s ago, or the market closed since"),
        ("a", timedelta(days=1), "the account was read 86400 s ago, or the market closed since"),
        ("a", -CLOCK_TOLERANCE - TICK, "the clock was set back since the account was read"),
    ],
)
def test_why_figures_are_old_is_said_in_words(connection: str, after: timedelta, words: str) -> None:
    assert FIGURES.staleness(connection, READ_AT + after) == words


@pytest.mark.parametrize("after_opening", [timedelta(), TICK, timedelta(hours=3)])
def test_figures_are_fresh_for_their_time_while_the_market_is_open(after_opening: timedelta) -> None:
    assert fresh_for(TODAY.opens_at + after_opening, TODAY, TOMORROW) == FRESHNESS


def test_figures_are_old_once_the_session_ends_in_which_the_order_is_made() -> None:
    assert fresh_for(TODAY.closes_at - timedelta(seconds=10), TODAY, TOMORROW) == timedelta(seconds=10)


def test_an_order_that_is_made_as_one_session_passes_into_the_next_belongs_to_the_next() -> None:
    after_hours = TradingSession(opens_at=TODAY.closes_at, closes_at=TODAY.closes_at + timedelta(hours=4))
    assert fresh_for(TODAY.closes_at, TODAY, after_hours) == FRESHNESS


@pytest.mark.parametrize("at", [TODAY.opens_at - TICK, TODAY.closes_at, TODAY.closes_at + TICK, TOMORROW.closes_at])
def test_figures_are_old_at_once_where_no_session_runs(at: datetime) -> None:
    assert fresh_for(at, TODAY, TOMORROW) == timedelta()
    assert fresh_for(at) == timedelta()


def test_figures_tell_what_is_held_of_their_own_symbol() -> None:
    """Of what is not held, none: an order for it is withdrawn as soon as there is any."""
    of_qqq, of_bnd = (figures_of(SNAPSHOT, symbol, (TODAY,), FRESHNESS, READ_AT) for symbol in ("QQQ", "BND"))
    assert (of_qqq.position, of_bnd.position) == (7, 0)
    assert (of_qqq.connection, of_qqq.taken_at) == ("a", READ_AT)
