"""Limits: on the price grid, marketable, and never beyond what a buy was sized with."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebalancing.failures import LimitPriceUnknown
from rebalancing.market.snapshot import Quote
from rebalancing.orders.limit_prices import LimitRule, on_grid
from rebalancing.orders.order_policy import LimitAt
from rebalancing.orders.order_terms import (
    buy_prices,
)
from tests.rebalancing.orders.order_builders import NOON, account, planned, quote, sent, snapshot

cents = st.integers(min_value=101, max_value=100_000).map(lambda n: Decimal(n) / 100)
ticks = st.sampled_from(["0.01", "0.05", "0.0001", "0.005", "0.1"]).map(Decimal)
cushions = st.integers(min_value=0, max_value=500).map(lambda n: Decimal(n) / 100)


@pytest.mark.parametrize(
    ("price", "min_tick", "up", "down"),
    [
        ("100.001", "0.01", "100.01", "100.00"),
        ("100.01", "0.01", "100.01", "100.01"),
        ("100.01", "0.05", "100.05", "100.00"),
        ("100.0012", "0.0001", "100.01", "100.00"),
        ("0.12345", "0.0001", "0.1235", "0.1234"),
        ("0.999999", "0.0001", "1.0000", "0.9999"),
    ],
)
def test_prices_lie_on_the_contracts_grid_and_on_full_cents_from_a_dollar_up(
    price: str, min_tick: str, up: str, down: str
) -> None:
    assert on_grid(Decimal(price), Decimal(min_tick), upwards=True) == Decimal(up)
    assert on_grid(Decimal(price), Decimal(min_tick), upwards=False) == Decimal(down)


@given(bid=cents, spread=st.integers(min_value=1, max_value=200), tick=ticks, cushion=cushions)
def test_a_marketable_limit_stays_marketable_whatever_the_grid(
    bid: Decimal, spread: int, tick: Decimal, cushion: Decimal
) -> None:
    ask = bid + Decimal(spread) / 100
    market = Quote(symbol="SPY", bid=bid, ask=ask, at=NOON)
    rule = LimitRule(at=LimitAt.CUSHION, cushion_percent=cushion, min_tick=tick)
    buy, sell = rule.price(market, is_buy=True), rule.price(market, is_buy=False)
    assert buy is not None
    assert buy >= ask
    assert buy % tick == 0
    assert sell is None or (sell <= bid and sell % tick == 0)


@given(bid=cents, spread=st.integers(min_value=1, max_value=200), tick=ticks)
def test_a_midpoint_never_pays_more_than_the_midpoint(bid: Decimal, spread: int, tick: Decimal) -> None:
    ask = bid + Decimal(spread) / 100
    market = Quote(symbol="SPY", bid=bid, ask=ask, at=NOON)
    rule = LimitRule(at=LimitAt.MIDPOINT, cushion_percent=Decimal(0), min_tick=tick)
    buy, sell = rule.price(market, is_buy=True), rule.price(market, is_buy=False)
    assert buy is None or buy <= (bid + ask) / 2
    assert sell is not None
    assert sell >= (bid + ask) / 2


@given(price=cents, cap=cents, cushion=cushions, tick=ticks)
def test_no_repricing_takes_a_buy_beyond_what_it_was_sized_with(
    price: Decimal, cap: Decimal, cushion: Decimal, tick: Decimal
) -> None:
    rule = LimitRule(at=LimitAt.CUSHION, cushion_percent=cushion, min_tick=tick, worst_price=cap)
    limit = rule.price(Quote(symbol="SPY", bid=price, ask=price, at=NOON), is_buy=True)
    assert limit is None or (limit <= cap and limit % tick == 0)


@given(
    ask=cents,
    cushion=cushions,
    tick=ticks,
    at=st.sampled_from(list(LimitAt)),
)
def test_the_first_limit_of_a_buy_is_within_what_it_is_sized_with(
    ask: Decimal, cushion: Decimal, tick: Decimal, at: LimitAt
) -> None:
    own = account({"type": "LMT", "cushion_percent": cushion, "limit_at": at})
    quotes = {"SPY": Quote(symbol="SPY", bid=ask - Decimal("0.01"), ask=ask, at=NOON)}
    market = snapshot("SPY", min_tick=str(tick), quotes=quotes)
    order = sent(own, planned(), market)
    assert order.limit_price is not None
    assert order.limit_price <= buy_prices(own, market)["SPY"]
    assert at is LimitAt.MIDPOINT or order.limit_price >= ask


def test_a_limit_without_any_price_is_refused_in_words() -> None:
    market = snapshot("SPY", quotes={"SPY": Quote(symbol="SPY", at=NOON)})
    with pytest.raises(LimitPriceUnknown, match="SPY has no price"):
        sent(account({"type": "LMT"}), planned(), market)


def test_a_missing_side_is_replaced_by_the_last_price() -> None:
    market = snapshot("SPY", quotes={"SPY": quote(bid=None, ask=None)})
    assert sent(account({"type": "LMT", "cushion_percent": 1}), planned(), market).limit_price == Decimal("101.00")
