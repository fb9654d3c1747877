"""What a policy comes to for one order: its terms, the cut-offs, what a buy may cost."""

from datetime import timedelta
from decimal import Decimal

import pytest

from rebalancing.orders.market_on_close import cut_off
from rebalancing.orders.order import OrderType, Side
from rebalancing.orders.order_policy import AdaptivePriority
from rebalancing.orders.order_terms import (
    affordable_rest,
    at_market,
    buy_prices,
    commission_per_order,
)
from rebalancing.planner.plan import DEFAULT_COMMISSION
from tests.rebalancing.orders.order_builders import CLOSE, account, planned, sent, snapshot


def test_the_policy_of_a_symbol_goes_before_that_of_the_account() -> None:
    own = account({"type": "LMT"}, SPY={"type": "ADAPTIVE", "adaptive_priority": "patient"}, BND={"type": "MKT"})
    market = snapshot("SPY", "BND", "QQQ")
    spy, bnd, qqq = (sent(own, planned(symbol), market) for symbol in ("SPY", "BND", "QQQ"))
    assert (spy.order_type, spy.adaptive_priority) == (OrderType.MARKET, AdaptivePriority.PATIENT)
    assert (bnd.order_type, bnd.adaptive_priority, bnd.limit_price) == (OrderType.MARKET, None, None)
    assert qqq.order_type is OrderType.LIMIT


@pytest.mark.parametrize("written", ["BRK B", "BRK.B", "brk.b"])
def test_class_shares_are_meant_however_they_are_written(written: str) -> None:
    own = account(**{written: {"type": "MOC"}})
    assert own.policy_for("BRK B").type.value == "MOC"


def test_every_order_says_how_long_it_is_good() -> None:
    for kind in ("MKT", "LMT", "MOC", "ADAPTIVE"):
        assert sent(account({"type": kind}), planned(), snapshot("SPY")).time_in_force == "DAY"


def test_a_limit_order_of_extended_hours_may_trade_outside_regular_ones() -> None:
    own = account({"type": "LMT", "then": "give_up", "extended_hours": True})
    assert sent(own, planned(), snapshot("SPY")).outside_rth


@pytest.mark.parametrize(
    ("exchange", "minutes"), [("NYSE", 10), ("ARCA", 10), ("BATS", 10), ("NASDAQ", 5), ("ISLAND", 5)]
)
def test_the_cut_off_is_that_of_the_exchange_and_counts_from_the_close(exchange: str, minutes: int) -> None:
    assert cut_off(exchange, CLOSE) == CLOSE - timedelta(minutes=minutes)


def test_after_the_cut_off_an_order_goes_to_market_where_the_policy_says_so() -> None:
    late = CLOSE - timedelta(minutes=10)
    own = account({"type": "MOC", "after_cut_off": "market"})
    before = sent(own, planned(), snapshot("SPY"), late - timedelta(seconds=1))
    assert before.order_type is OrderType.MARKET_ON_CLOSE
    assert sent(own, planned(), snapshot("SPY"), late).order_type is OrderType.MARKET
    assert sent(own, planned(), snapshot("SPY", exchange="NASDAQ"), late).order_type is OrderType.MARKET_ON_CLOSE


def test_buys_on_the_close_are_sized_for_a_price_that_rises_until_then() -> None:
    prices = buy_prices(account({"type": "MOC", "cushion_percent": 5}), snapshot("SPY"))
    assert prices["SPY"].quantize(Decimal("0.0001")) == Decimal("105.0105")


def test_what_is_left_of_a_buy_spends_no_more_than_was_set_aside_for_it() -> None:
    order = sent(account({"type": "LMT"}), planned(quantity=100), snapshot("SPY"))
    assert order.limit_rule is not None
    assert order.limit_rule.worst_price is not None
    assert affordable_rest(order, 40, {"SPY": order.limit_rule.worst_price}) == 40
    assert affordable_rest(order, 40, {"SPY": order.limit_rule.worst_price * 2}) == 20
    assert affordable_rest(order, 40, {}) == 0
    sale = sent(account({"type": "LMT"}), planned(side=Side.SELL, quantity=100), snapshot("SPY"))
    assert affordable_rest(sale, 40, {}) == 40
    rest = at_market(sale, "rb-1-1-2", 40, sale.figures)
    assert (rest.order_type, rest.side, rest.quantity, rest.limit_rule) == (OrderType.MARKET, Side.SELL, 40, None)


def test_two_commissions_are_set_aside_where_a_second_order_may_trade_the_rest() -> None:
    assert commission_per_order(account()) == DEFAULT_COMMISSION
    assert commission_per_order(account({"type": "LMT", "then": "give_up"})) == DEFAULT_COMMISSION
    assert commission_per_order(account({"type": "LMT"})) == 2 * DEFAULT_COMMISSION
    assert commission_per_order(account(SPY={"type": "LMT"})) == 2 * DEFAULT_COMMISSION
