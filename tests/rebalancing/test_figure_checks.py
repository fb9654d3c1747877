"""Cash and holdings against what the broker says they are worth, to the edge of what is allowed."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebalancing.clocks import seconds_ahead
from rebalancing.figure_checks import clock_problem, figures_problem
from rebalancing.market.snapshot import AccountSnapshot, BrokerFigures, Quote
from rebalancing.settings import FiguresSettings

NOW = datetime(2026, 11, 24, 16, 0, tzinfo=UTC)
PRICES = {"SPY": "100", "BND": "50"}


def account(
    positions: dict[str, int],
    *,
    cash: str = "1000",
    fractions: dict[str, str] | None = None,
    figures: dict[str, str | None] | None = None,
) -> AccountSnapshot:
    """An account at these prices; what is not among them is held out."""
    return AccountSnapshot(
        account="DU1",
        taken_at=NOW,
        cash=Decimal(cash),
        positions=positions,
        fractions={symbol: Decimal(part) for symbol, part in (fractions or {}).items()},
        quotes={s: Quote(symbol=s, bid=Decimal(p), ask=Decimal(p), at=NOW) for s, p in PRICES.items()},
        figures=BrokerFigures.model_validate({"cash": cash, **(figures or {})}),
    )


def worth(net_liquidation: str, **more: str | None) -> dict[str, str | None]:
    """What the broker says."""
    return {"net_liquidation": net_liquidation, **more}


def problem(snapshot: AccountSnapshot, percent: str = "2") -> str:
    """What is found with so many percent allowed."""
    return figures_problem(snapshot, FiguresSettings(tolerance_percent=Decimal(percent)))


@pytest.mark.parametrize(
    ("net_liquidation", "agrees"),
    [("11000", True), ("11220", True), ("10785", True), ("11300", False), ("10700", False), ("-11000", False)],
)
def test_two_percent_of_what_the_broker_says_are_allowed(net_liquidation: str, agrees: bool) -> None:
    assert (problem(account({"SPY": 100}, figures=worth(net_liquidation))) == "") is agrees


def test_of_an_account_on_margin_two_percent_of_what_it_holds_are_allowed() -> None:
    assert problem(account({"SPY": 100}, cash="-8000", figures=worth("2150"))) == ""
    assert problem(account({"SPY": 100}, cash="-8000", figures=worth("2250"))) != ""


def test_what_is_not_managed_is_no_excuse_for_more() -> None:
    rich = worth("1011000", others="1000000")
    assert problem(account({"SPY": 100}, figures=rich)) == ""
    assert "1,000,000.00 USD of what is not managed" in problem(account({"SPY": 100}, cash="1500", figures=rich))


def test_amounts_in_doubt_may_be_there_or_not() -> None:
    for net_liquidation in ("11000", "11900", "10100"):
        assert problem(account({"SPY": 100}, figures=worth(net_liquidation, in_doubt="900"))) == ""


def test_fractions_and_short_positions_count() -> None:
    assert problem(account({"SPY": 10}, fractions={"SPY": "0.9", "BND": "0.5"}, figures=worth("2115"))) == ""
    assert problem(account({"SPY": -10}, cash="5000", figures=worth("4000"))) == ""


def test_an_empty_account_agrees_with_nothing() -> None:
    assert problem(account({}, cash="0", figures=worth("0"))) == ""
    assert problem(account({}, cash="0")) == "", "it never had to do with dollars"
    assert problem(account({"SPY": 1}, cash="0")) != "", "nobody says what it is worth"


def test_what_is_not_told_stops_it_whatever_the_rest_says() -> None:
    assert "no exchange rate" in problem(account({}, cash="0", figures=worth("0", untold="no exchange rate for EUR")))


HELD_OUT = {"SPY": 100, "OLD": 7}


@pytest.mark.parametrize(
    ("figures", "agrees"),
    [
        (worth("91000", stocks="90000"), True),
        (worth("11000", stocks="10000"), True),
        (worth("91000", stocks="90000", cash="1e15"), False),
        (worth("10000", stocks="9000"), False),
        (worth("11000", stocks=None), False),
    ],
    ids=["worth more", "worth nothing", "cash that is not there", "less than the managed part", "not told"],
)
def test_what_is_held_out_may_be_worth_anything_that_the_broker_says(
    figures: dict[str, str | None], agrees: bool
) -> None:
    assert (problem(account(HELD_OUT, figures=figures)) == "") is agrees


def test_where_long_and_short_positions_are_held_out_nothing_bounds_the_managed_part() -> None:
    assert problem(account({**HELD_OUT, "OTHER": -200}, figures=worth("500", stocks="-500"))) == ""
    assert problem(account({"SPY": 100, "OTHER": -200}, figures=worth("500", stocks="-500"))) == ""
    assert problem(account({"SPY": 100, "OTHER": -200}, figures=worth("21000", stocks="20000"))) != ""


# --- clocks -----------------------------------------------------------------------------------------------------------


@given(
    skew=st.floats(-3600, 3600),
    there=st.floats(0, 30),
    back=st.floats(0, 30),
)
def test_clocks_are_never_said_to_be_further_apart_than_they_are(skew: float, there: float, back: float) -> None:
    """``skew`` is by how much ours is ahead; the other is read on the way there and back, in whole seconds."""
    sent_at = NOW + timedelta(seconds=0.4)
    answered_at = sent_at + timedelta(seconds=there + back)
    read_at = sent_at + timedelta(seconds=there) - timedelta(seconds=skew)
    said = seconds_ahead(sent_at, read_at.replace(microsecond=0), answered_at)
    assert abs(said) <= abs(skew) + 1e-5
    assert said * skew >= 0
    assert abs(said) >= abs(skew) - (there + back + 1) - 1e-5


@pytest.mark.parametrize(("ahead", "wrong"), [(5.0, False), (5.1, True), (-5.0, False), (-5.1, True), (0, False)])
def test_five_seconds_are_allowed(ahead: float, wrong: bool) -> None:
    snapshot = account({}).model_copy(update={"clock_ahead": ahead})
    assert bool(clock_problem(snapshot, 5)) is wrong
