"""After the trades: distance, idle cash, slippage, and the reason of every gap."""

from decimal import Decimal

import pytest

from rebalancing.orders.order import OrderReport, OrderState, Side
from rebalancing.orders.slippage import slippage_of, total_slippage
from rebalancing.outcomes import Gap
from rebalancing.planner.plan import Plan, PlanRequest
from rebalancing.verification import cash_after, gaps, measure, positions_after
from tests.rebalancing.planner.patient_planner import make_plan


def request(**changes: object) -> PlanRequest:
    values: dict[str, object] = {
        "cash": "10000",
        "positions": {},
        "prices": {"AAA": "100", "BBB": "50", "OLD": "10"},
        "buy_prices": {"AAA": "100", "BBB": "50", "OLD": "10"},
        "targets": {"AAA": "0.6", "BBB": "0.4"},
        "reserve_percent": "0",
        "commission_per_order": "0",
    }
    return PlanRequest.model_validate(values | changes)


def report(symbol: str, quantity: int, filled: int | None = None, **more: object) -> OrderReport:
    """A buy (or with a negative quantity a sale), filled at 100 unless said otherwise."""
    full = abs(quantity)
    values: dict[str, object] = {
        "ref": f"ref-{symbol}",
        "symbol": symbol,
        "side": Side.BUY if quantity > 0 else Side.SELL,
        "quantity": full,
        "filled": full if filled is None else filled,
        "state": OrderState.FILLED,
        "average_price": "100",
    }
    return OrderReport.model_validate(values | more)


def gaps_after(before: PlanRequest, *reports: OrderReport, **changes: object) -> dict[str, Gap]:
    """The gaps once these orders have filled, with whatever else has changed meanwhile."""
    plan: Plan = make_plan(before)
    after = before.model_copy(
        update={
            "positions": positions_after(before.positions, reports),
            "cash": cash_after(before.cash, reports),
            **changes,
        }
    )
    expected = positions_after(before.positions, reports)
    return {gap.symbol: gap for gap in gaps(after, measure(after), reports, plan, expected)}


BUY_AAA = report("AAA", 60)
BUY_BBB = report("BBB", 80, average_price="50")


def test_on_target_there_is_neither_gap_nor_idle_cash() -> None:
    assert gaps_after(request(), BUY_AAA, BUY_BBB) == {}
    assert measure(request(cash="0", positions={"AAA": 60, "BBB": 80})).cash.idle == 0


def test_idle_cash_is_what_is_above_the_reserve_and_the_cash_target() -> None:
    assert measure(request(cash="10000", reserve_percent="10", targets={"AAA": "0.75"})).cash.idle == 6750
    assert measure(request(cash="500", positions={"AAA": 95}, reserve_percent="10")).cash.idle == -500


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"state": OrderState.REJECTED, "reason": "no shares"}, "the order was rejected: no shares"),
        ({"state": OrderState.CANCELLED}, "20 of 80 shares filled before the order was cancelled"),
        ({"state": OrderState.UNKNOWN}, "20 of 80 shares filled; the order is unknown"),
    ],
)
def test_an_order_that_did_not_fill_is_the_reason(changes: dict[str, object], reason: str) -> None:
    found = gaps_after(request(), BUY_AAA, report("BBB", 80, 20, average_price="50", **changes))
    assert found["BBB"].reason == reason
    assert found["CASH"].reason == "what the buys left over"
    assert (found["BBB"].target_weight, found["BBB"].achieved_weight) == (Decimal("0.4"), Decimal("0.1"))


def test_what_was_carried_out_is_explained_and_what_was_not_is_not() -> None:
    limit = report("BBB", 80, 20, average_price="50", state=OrderState.CANCELLED)
    rest = report("BBB", 60, average_price="50")
    assert gaps_after(request(), BUY_AAA, limit, rest) == {}
    cut = gaps_after(request(), BUY_AAA, limit)
    assert {symbol: gap.is_explained for symbol, gap in cut.items()} == {"BBB": False, "CASH": True}
    reduced = gaps_after(request(), BUY_AAA, limit, report("BBB", 40, average_price="50"))
    assert reduced["BBB"].is_explained, "what was set aside for it paid for no more"
    assert reduced["BBB"].reason == "the cash that came in paid for 60 of the 80 shares that were planned"


def test_a_rejection_is_told_although_a_later_order_made_up_for_it() -> None:
    refused = report("BBB", 80, 0, state=OrderState.REJECTED, reason="no")
    (gap,) = gaps_after(request(), BUY_AAA, refused, report("BBB", 80, average_price="50")).values()
    assert (gap.reason, gap.is_explained) == ("the order was rejected: no", False)


@pytest.mark.parametrize("held", [{"AAA": 60, "BBB": 79}, {"AAA": 60, "BBB": 80, "OLD": 1}, {"BBB": 80}])
def test_holdings_that_no_fill_explains_are_told_however_small(held: dict[str, int]) -> None:
    found = gaps_after(request(), BUY_AAA, BUY_BBB, positions=held)
    (gap,) = (gap for gap in found.values() if not gap.is_explained)
    assert "the fills explain" in gap.reason


def test_a_sale_that_did_not_fill_leaves_cash_short() -> None:
    before = request(cash="0", positions={"AAA": 100}, targets={"AAA": "0.5", "CASH": "0.5"})
    found = gaps_after(before, report("AAA", -50, 10, state=OrderState.CANCELLED))
    assert found["CASH"].reason == "what the sells did not bring in"


def test_buys_that_were_sized_down_for_want_of_cash_say_how_far() -> None:
    before = request(cash="0", positions={"OLD": 1000})
    sold = report("OLD", -1000, 500, average_price="10", state=OrderState.CANCELLED)
    found = gaps_after(before, sold, report("AAA", 30), report("BBB", 40, average_price="50"))
    assert found["AAA"].reason == "the cash that came in paid for 30 of the 60 shares that were planned"
    assert found["OLD"].reason == "500 of 1000 shares filled before the order was cancelled"


def test_a_buy_that_was_not_made_at_all_is_told_too() -> None:
    found = gaps_after(request(), BUY_AAA)
    assert found["BBB"].reason == "the cash that came in paid for 0 of the 80 shares that were planned"


@pytest.mark.parametrize(
    ("rules", "reason"),
    [
        ({"tolerance_percent": "8"}, "within the tolerance band"),
        ({"minimum_order_value": "900"}, "below the minimum order value"),
        ({"maximum_turnover_percent": "0.1"}, "the maximum turnover is reached"),
        ({"never_buy": ["AAA"], "minimum_order_value": "900"}, "may not be bought"),
    ],
)
def test_a_rule_of_the_account_is_the_reason(rules: dict[str, object], reason: str) -> None:
    assert gaps_after(request(cash="700", positions={"AAA": 53, "BBB": 80}, **rules))["AAA"].reason == reason


def test_a_gap_that_a_rule_leaves_is_told_however_small() -> None:
    small = request(cash="20", positions={"AAA": 60, "BBB": 80}, fractions={"AAA": "0.2"}, tolerance_percent="1")
    assert gaps_after(small)["AAA"].reason == "within the tolerance band"


def test_what_whole_shares_leave_is_told_where_it_is_noticeable() -> None:
    dear = request(cash="1000", prices={"AAA": "350", "BBB": "50"}, buy_prices={"AAA": "350", "BBB": "50"})
    found = gaps_after(dear, report("AAA", 2, average_price="350"), report("BBB", 6, average_price="50"))
    assert found["AAA"].reason == "no whole share fits the cash that is left"


def test_prices_that_moved_after_the_plan_are_the_reason_where_everything_filled() -> None:
    moved = {"AAA": Decimal(110), "BBB": Decimal(50)}
    found = gaps_after(request(), BUY_AAA, BUY_BBB, prices=moved)
    assert found["AAA"].reason == "prices moved after the plan was made"


def test_slippage_counts_what_was_paid_above_and_what_was_sold_below_the_arrival_price() -> None:
    bought, sold = report("AAA", 10, average_price="100.50"), report("BBB", -20, average_price="49.90")
    assert slippage_of(bought, Decimal(100)) == 5
    assert slippage_of(sold, Decimal(50)) == 2
    total = total_slippage((bought, sold), {"AAA": Decimal(100), "BBB": Decimal(50)})
    assert total is not None
    assert (total.amount, total.traded, total.basis_points) == (Decimal(7), Decimal(2000), Decimal(35))


def test_better_fills_than_expected_are_negative_slippage() -> None:
    assert slippage_of(report("AAA", 10, average_price="99"), Decimal(100)) == -10
    assert slippage_of(report("AAA", -10, average_price="101"), Decimal(100)) == -10


def test_only_what_filled_slips() -> None:
    total = total_slippage((report("AAA", 10, 4, average_price="101"),), {"AAA": Decimal(100)})
    assert total is not None
    assert (total.amount, total.traded) == (4, 400)


def test_without_fills_there_is_no_slippage() -> None:
    assert total_slippage((), {}) is None
    assert total_slippage((report("AAA", 10, 0, state=OrderState.REJECTED),), {"AAA": Decimal(100)}) is None
    assert total_slippage((report("AAA", 10),), {}) is None
