"""What a policy comes to: limits on the price grid, the cut-offs, what a buy may cost, how long it is worked."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from configuration.configuration import ConfigurationInvalid, parse_configuration
from rebalancing.accounts import Account, WhenClosed
from rebalancing.failures import LimitPriceUnknown
from rebalancing.freshness import Figures
from rebalancing.market.snapshot import AccountSnapshot, ContractDetails, OpenOrder, Quote
from rebalancing.market.trading_hours import Session
from rebalancing.orders.limit_prices import LimitRule, on_grid
from rebalancing.orders.market_on_close import cut_off
from rebalancing.orders.obstacles import Patience, obstacles
from rebalancing.orders.order import Intent, LegOrder, OrderType, Side
from rebalancing.orders.order_course import Course, course_of
from rebalancing.orders.order_policy import AdaptivePriority, Ending, LimitAt, OrderPolicy
from rebalancing.orders.order_terms import (
    affordable_rest,
    at_market,
    buy_prices,
    commission_per_order,
    leg_order,
)
from rebalancing.planner.plan import DEFAULT_COMMISSION, Plan, PlanAfter, PlannedOrder

MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
NOON = MONDAY.replace(hour=17)
FRESHNESS = timedelta(seconds=60)
"""12:00 in New York; the session runs from 14:30 to 21:00 UTC."""

CLOSE, NEXT_OPEN = MONDAY.replace(hour=21), MONDAY.replace(day=24, hour=14, minute=30)
SESSIONS = (
    Session(opens_at=MONDAY.replace(hour=14, minute=30), closes_at=CLOSE),
    Session(opens_at=NEXT_OPEN, closes_at=CLOSE.replace(day=24)),
)
WAITS = Patience(fill_timeout=timedelta(seconds=120), max_wait=timedelta(days=1))

cents = st.integers(min_value=101, max_value=100_000).map(lambda n: Decimal(n) / 100)
ticks = st.sampled_from(["0.01", "0.05", "0.0001", "0.005", "0.1"]).map(Decimal)
cushions = st.integers(min_value=0, max_value=500).map(lambda n: Decimal(n) / 100)


def quote(symbol: str = "SPY", bid: str | None = "99.99", ask: str | None = "100.01", last: str = "100") -> Quote:
    """Prices of one symbol."""
    return Quote.model_validate({"symbol": symbol, "bid": bid, "ask": ask, "last": last, "at": NOON})


def account(policy: dict[str, Any] | None = None, **by_symbol: dict[str, Any]) -> Account:
    """An account with this policy."""
    return Account.model_validate(
        {
            "account_id": "DU1",
            "strategy_name": "s",
            "type": "paper",
            "order_policy": policy or {},
            "symbol_order_policies": by_symbol,
        }
    )


def snapshot(*symbols: str, exchange: str = "ARCA", min_tick: str = "0.01", **more: Any) -> AccountSnapshot:
    """An account and the market."""
    return AccountSnapshot(
        account="DU1",
        taken_at=NOON,
        cash=Decimal(100_000),
        positions={},
        contracts={
            symbol: ContractDetails(
                symbol=symbol,
                con_id=1,
                primary_exchange=exchange,
                min_tick=Decimal(min_tick),
                sessions=SESSIONS,
            )
            for symbol in symbols
        },
        quotes=more.pop("quotes", {symbol: quote(symbol) for symbol in symbols}),
        **more,
    )


def planned(symbol: str = "SPY", side: Side = Side.BUY, quantity: int = 10) -> PlannedOrder:
    """One line of a plan."""
    return PlannedOrder(symbol=symbol, side=side, quantity=quantity, estimated_value=Decimal(1000), reason="test")


def plan(*orders: PlannedOrder) -> Plan:
    """A plan of these orders."""
    after = PlanAfter(cash=Decimal(0), weights={}, drift=Decimal(0))
    return Plan(orders=orders, base=Decimal(1), reserve=Decimal(0), before={}, targets={}, after=after)


def sent(own: Account, order: PlannedOrder, market: AccountSnapshot, at: datetime = NOON) -> LegOrder:
    """The order that goes out."""
    return leg_order(own, "rb-1-1-1", order, market, at, FRESHNESS)


# --- prices ----------------------------------------------------------------------------------------------------------


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


# --- orders ----------------------------------------------------------------------------------------------------------


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


# --- courses ---------------------------------------------------------------------------------------------------------


def course(policy: dict[str, Any], order_type: OrderType) -> Course:
    """The course of an order of this type, placed at noon."""
    intent = Intent(
        ref="r",
        account="DU1",
        symbol="SPY",
        con_id=1,
        side=Side.BUY,
        quantity=1,
        order_type=order_type,
        figures=Figures(connection="c", taken_at=NOON, fresh_until=NOON + FRESHNESS, position=0),
        order_id=1,
        trading_day="20261123",
    )
    return course_of(intent, OrderPolicy.model_validate(policy), NOON, timedelta(seconds=120), SESSIONS)


def test_a_limit_order_is_repriced_every_so_often_and_worked_one_interval_more() -> None:
    own = course({"type": "LMT", "reprice_every": 30, "reprice_times": 2}, OrderType.LIMIT)
    assert own.reprice_at == (NOON + timedelta(seconds=30), NOON + timedelta(seconds=60))
    assert (own.ends_at, own.then) == (NOON + timedelta(seconds=90), Ending.MARKET)
    later = own.after(NOON + timedelta(seconds=45))
    assert later.next_at == NOON + timedelta(seconds=60)
    assert later.after(NOON + timedelta(hours=1)).next_at == own.ends_at


def test_an_order_on_the_close_is_waited_for_until_the_close() -> None:
    assert course({"type": "MOC"}, OrderType.MARKET_ON_CLOSE).ends_at == CLOSE + timedelta(seconds=120)


def test_a_market_order_has_the_ordinary_time_whatever_the_policy_of_its_symbol() -> None:
    own = course({"type": "LMT"}, OrderType.MARKET)
    assert own.is_plain
    assert own.ends_at == NOON + timedelta(seconds=120)


# --- obstacles -------------------------------------------------------------------------------------------------------

SELL_SPY, BUY_QQQ = planned("SPY", Side.SELL), planned("QQQ")
MOC: dict[str, Any] = {"type": "MOC"}


def kinds(own: Account, wanted: Plan, market: AccountSnapshot, now: datetime, **waits: timedelta) -> list[str]:
    """What stands in the way."""
    patience = Patience(**{"fill_timeout": WAITS.fill_timeout, "max_wait": WAITS.max_wait, **waits})
    return [type(obstacle).__name__ for obstacle in obstacles(own, wanted, market, now, patience)]


def test_an_order_on_the_close_after_the_cut_off_stands_in_the_way() -> None:
    own, market = account(MOC), snapshot("SPY")
    assert kinds(own, plan(SELL_SPY), market, CLOSE - timedelta(minutes=11)) == []
    assert kinds(own, plan(SELL_SPY), market, CLOSE - timedelta(minutes=10)) == ["CutOffPassed"]
    nasdaq = snapshot("SPY", exchange="NASDAQ")
    assert kinds(own, plan(SELL_SPY), nasdaq, CLOSE - timedelta(minutes=10)) == []
    assert (
        kinds(account({**MOC, "after_cut_off": "market"}), plan(SELL_SPY), market, CLOSE - timedelta(minutes=1)) == []
    )


def test_buys_on_the_close_need_the_time_of_the_sell_leg_before_the_cut_off() -> None:
    own, market = account(QQQ=MOC), snapshot("SPY", "QQQ")
    both = plan(SELL_SPY, BUY_QQQ)
    assert kinds(own, both, market, CLOSE - timedelta(minutes=13)) == []
    assert kinds(own, both, market, CLOSE - timedelta(minutes=11)) == ["CutOffPassed"]
    assert kinds(own, plan(BUY_QQQ), market, CLOSE - timedelta(minutes=11)) == []


def test_buys_after_sells_on_the_close_must_be_able_to_follow_within_the_longest_wait() -> None:
    own, market = account(SPY=MOC), snapshot("SPY", "QQQ")
    both = plan(SELL_SPY, BUY_QQQ)
    assert kinds(own, both, market, NOON) == []
    assert kinds(own, both, market, NOON, max_wait=timedelta(hours=1)) == ["BuysTooLate"]
    assert kinds(own, plan(SELL_SPY), market, NOON, max_wait=timedelta(hours=1)) == []
    hasty = own.model_copy(update={"market_closed": WhenClosed.FAIL})
    assert kinds(hasty, both, market, NOON) == ["BuysTooLate"]


def test_twenty_working_orders_on_the_same_side_of_a_contract_stand_in_the_way() -> None:
    def others(number: int, side: str) -> tuple[OpenOrder, ...]:
        return tuple(
            OpenOrder(
                order_id=n, perm_id=n, client_id=0, is_ours=False, ref=f"m{n}", symbol="SPY", side=side, remaining=1
            )
            for n in range(number)
        )

    assert kinds(account(), plan(SELL_SPY), snapshot("SPY", open_orders=others(20, "SELL")), NOON) == [
        "TooManyWorkingOrders"
    ]
    assert kinds(account(), plan(SELL_SPY), snapshot("SPY", open_orders=others(19, "SELL")), NOON) == []
    assert kinds(account(), plan(SELL_SPY), snapshot("SPY", open_orders=others(20, "BUY")), NOON) == []


def test_a_sale_without_a_price_to_limit_it_by_stands_in_the_way() -> None:
    market = snapshot("SPY", quotes={"SPY": quote(bid="0.001", ask="0.002", last="0.001")})
    assert kinds(account({"type": "LMT"}), plan(SELL_SPY), market, NOON) == ["LimitPriceUnknown"]
    assert kinds(account(), plan(SELL_SPY), market, NOON) == []


# --- configuration ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "problem"),
    [
        ({"type": "MKT", "extended_hours": True}, "extended_hours is for LMT only, not for MKT"),
        ({"type": "MOC", "extended_hours": True}, "extended_hours is for LMT only, not for MOC"),
        ({"type": "LMT", "extended_hours": True}, "extended_hours needs then: give_up"),
        ({"type": "ADAPTIVE", "cushion_percent": 1}, "cushion_percent is for LMT and MOC only"),
        ({"adaptive_priority": "urgent"}, "adaptive_priority is for ADAPTIVE only"),
        ({"type": "LMT", "after_cut_off": "market"}, "after_cut_off is for MOC only"),
        ({"type": "MKT", "reprice_times": 5}, "reprice_times is for LMT only"),
        ({"type": "LMT", "cushion_percent": "NaN"}, "finite number"),
        ({"type": "LMT", "cushion_percent": 50}, "less than or equal to 20"),
        ({"type": "LMT", "reprice_every": 0}, "greater than or equal to 1"),
        ({"type": "STP"}, "'MKT', 'LMT', 'MOC' or 'ADAPTIVE'"),
    ],
)
def test_a_policy_that_could_not_be_kept_is_refused(policy: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        OrderPolicy.model_validate(policy)


@pytest.mark.parametrize("policy", [{}, {"type": "LMT"}, {"type": "MOC"}, {"type": "ADAPTIVE"}])
def test_a_policy_reads_back_as_it_was_written(policy: dict[str, Any]) -> None:
    own = OrderPolicy.model_validate(policy)
    assert OrderPolicy.model_validate_json(own.model_dump_json()) == own


FILE = """\
accounts:
  - account_id: DU1
    strategy_name: blend
    order_policy: {type: MKT, extended_hours: true}
    symbol_order_policies:
      SPY: {type: LMIT}
      QQQ: {typ: MOC}
"""


def test_the_configuration_is_refused_with_the_place_of_every_policy_that_cannot_be_kept() -> None:
    with pytest.raises(ConfigurationInvalid) as refused:
        parse_configuration(FILE, Path("accounts.yaml"))
    told = "\n".join(refused.value.problems)
    assert "accounts.yaml:4:5: accounts[0].order_policy: extended_hours is for LMT only, not for MKT" in told
    assert "accounts[0].symbol_order_policies.SPY.type: found 'LMIT'; input should be 'MKT', 'LMT'" in told
    assert "accounts[0].symbol_order_policies.QQQ.typ: found an unknown key; did you mean 'type'?" in told


def test_policies_are_read_from_the_file() -> None:
    text = FILE.replace("{type: MKT, extended_hours: true}", "{type: LMT, extended_hours: true, then: give_up}")
    text = text.replace("LMIT", "ADAPTIVE").replace("typ:", "type:")
    (own,) = parse_configuration(text, Path("accounts.yaml")).accounts
    assert [own.policy_for(symbol).type for symbol in ("BND", "SPY", "QQQ")] == ["LMT", "ADAPTIVE", "MOC"]
    assert own.policy_for("BND").extended_hours
    assert Account.model_validate_json(own.model_dump_json()) == own
