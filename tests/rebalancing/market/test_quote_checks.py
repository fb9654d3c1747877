"""Quotes nobody should trade by are refused with symbol and figures; good ones pass."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from rebalancing import failures
from rebalancing.accounts import Account
from rebalancing.market.quote_checks import QuoteProblem, quote_problems
from rebalancing.market.snapshot import Quote, QuoteKind
from rebalancing.planner.plan import PlanRequest
from rebalancing.planner.planning import make_plan
from rebalancing.settings import QuoteSettings

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
GOOD: dict[str, Any] = {
    "symbol": "SPY",
    "bid": Decimal("669.99"),
    "ask": Decimal("670.01"),
    "last": Decimal("670.00"),
    "close": Decimal("665.00"),
    "at": NOW,
}


def problem_of(
    *, needed: QuoteKind = QuoteKind.LIVE, closed: bool = False, settings: QuoteSettings | None = None, **changes: Any
) -> QuoteProblem | None:
    """What is wrong with the good quote after these changes."""
    quote = Quote.model_validate({**GOOD, **changes})
    shut = frozenset({"SPY"}) if closed else frozenset[str]()
    found = quote_problems([quote], NOW, settings or QuoteSettings(), needed, shut)
    return found[0] if found else None


def test_a_good_quote_has_no_problem() -> None:
    assert problem_of() is None


@pytest.mark.parametrize(
    ("changes", "fault", "figures"),
    [
        ({"bid": None, "ask": None, "last": None, "close": None}, failures.QuoteMissing, "no price"),
        (
            {"bid": None, "ask": None, "last": None, "close": None, "problem": "code 354: not subscribed"},
            failures.QuoteMissing,
            "code 354",
        ),
        ({"kind": QuoteKind.DELAYED}, failures.QuoteNotLive, "quotes_needed"),
        ({"is_halted": True}, failures.QuoteHalted, "halted"),
        ({"bid": None}, failures.QuoteOneSided, "no bid"),
        ({"ask": None}, failures.QuoteOneSided, "ask none"),
        ({"bid": None, "ask": None, "kind": QuoteKind.CLOSE}, failures.QuoteOneSided, "no bid and no ask"),
        ({"bid": Decimal("670.05")}, failures.QuoteCrossed, "670.05 is above the ask of 670.01"),
        ({"at": NOW - timedelta(seconds=301)}, failures.QuoteStale, "301 s ago"),
        ({"close": Decimal(500)}, failures.QuoteTooFar, "+34.0 % from the last close of 500"),
        ({"close": Decimal(1000)}, failures.QuoteTooFar, "-33.0 %"),
        ({"ask": Decimal(900)}, failures.QuoteTooFar, "the ask of 900"),
    ],
)
def test_a_bad_quote_is_named_with_its_figures(
    changes: dict[str, Any], fault: type[failures.AccountFailure], figures: str
) -> None:
    problem = problem_of(**changes)
    assert problem is not None
    assert problem.failure is fault
    assert str(problem).startswith("SPY: ")
    assert figures in str(problem)


def test_a_locked_market_is_no_crossed_one() -> None:
    assert problem_of(bid=Decimal(670), ask=Decimal(670)) is None


def test_a_new_listing_has_no_close_to_be_held_against_which_configuration_may_allow() -> None:
    problem = problem_of(close=None)
    assert problem is not None
    assert problem.failure is failures.QuoteWithoutClose
    assert "quotes.close_needed" in str(problem)
    assert problem_of(close=None, settings=QuoteSettings(close_needed=False)) is None
    assert problem_of(close=None, closed=True) is None


def test_only_a_missing_subscription_does_not_pass_by_itself() -> None:
    delayed = problem_of(kind=QuoteKind.DELAYED)
    crossed = problem_of(bid=Decimal(671))
    assert delayed is not None
    assert crossed is not None
    assert not delayed.may_pass
    assert crossed.may_pass


def test_delayed_quotes_do_where_they_are_allowed_and_may_be_as_old_as_their_delay() -> None:
    allowed: dict[str, Any] = {"needed": QuoteKind.DELAYED, "kind": QuoteKind.DELAYED}
    assert problem_of(**allowed, at=NOW - timedelta(minutes=20)) is None
    problem = problem_of(**allowed, at=NOW - timedelta(minutes=26))
    assert problem is not None
    assert problem.failure is failures.QuoteStale


def test_the_close_does_where_it_is_allowed() -> None:
    assert problem_of(needed=QuoteKind.CLOSE, kind=QuoteKind.CLOSE, bid=None, ask=None) is None


def test_while_its_market_is_closed_a_symbol_needs_a_price_only() -> None:
    old: dict[str, Any] = {"bid": Decimal(700), "ask": None, "at": NOW - timedelta(days=3)}
    assert problem_of(closed=True, **old) is None
    problem = problem_of(closed=True, bid=None, ask=None, last=None, close=None)
    assert problem is not None
    assert problem.failure is failures.QuoteMissing


def test_that_live_quotes_are_not_to_be_had_is_told_before_the_market_opens() -> None:
    problem = problem_of(closed=True, kind=QuoteKind.DELAYED)
    assert problem is not None
    assert problem.failure is failures.QuoteNotLive


def test_the_limits_are_settings() -> None:
    wide = QuoteSettings(max_age=3600, max_move_percent=Decimal(50))
    assert problem_of(settings=wide, close=Decimal(500), at=NOW - timedelta(minutes=50)) is None


@pytest.mark.parametrize(
    ("account", "written", "least"),
    [
        ("U1", None, QuoteKind.LIVE),
        ("DU1", None, QuoteKind.DELAYED),
        ("U1", "close", QuoteKind.CLOSE),
        ("DU1", "live", QuoteKind.LIVE),
    ],
)
def test_live_accounts_need_live_quotes_unless_they_say_otherwise(
    account: str, written: str | None, least: QuoteKind
) -> None:
    kind = "paper" if account.startswith("D") else "live"
    made = Account.model_validate({"account_id": account, "strategy_name": "s", "type": kind, "quotes_needed": written})
    assert made.least_quotes is least


def test_the_older_a_quote_the_more_a_share_may_cost() -> None:
    prices = [Quote.model_validate({**GOOD, "kind": kind}).buy_price for kind in QuoteKind]
    assert prices == sorted(price for price in prices if price is not None)
    assert Quote.model_validate(GOOD).at_close.price == Decimal("670.00")


def test_a_plan_marks_the_prices_that_are_not_live_line_by_line_and_in_its_notes() -> None:
    plan = make_plan(
        PlanRequest.model_validate(
            {
                "cash": 10_000,
                "positions": {"SPY": 5},
                "prices": {"SPY": 670, "BND": 75, "GLD": 380},
                "quote_kinds": {"BND": "delayed", "GLD": "close"},
                "targets": {"SPY": "0.4", "BND": "0.3", "GLD": "0.3"},
            }
        )
    )
    assert {line.symbol: line.quote for line in plan.lines} == {
        "SPY": QuoteKind.LIVE,
        "BND": QuoteKind.DELAYED,
        "GLD": QuoteKind.CLOSE,
    }
    assert "prices are delayed by up to 20 minutes: BND" in plan.notes
    assert "prices are those of the last trade or the last close: GLD" in plan.notes
