"""The planner: what it sells, what it buys, and the promises it keeps (P5, P9)."""

from decimal import Decimal

import pytest
from pydantic import ValidationError

from rebalancing.orders.order import Side
from rebalancing.planner.plan import PlanImpossible, PlannedOrder, PlanRequest, PriceInvalid
from tests.rebalancing.planner.patient_planner import make_plan, size_buys


def request(**changes: object) -> PlanRequest:
    """A portfolio of 10,000 USD cash aimed at two symbols, with whatever a test changes."""
    values: dict[str, object] = {
        "cash": "10000",
        "positions": {},
        "prices": {"AAA": "100", "BBB": "50"},
        "buy_prices": {"AAA": "100", "BBB": "50"},
        "targets": {"AAA": "0.6", "BBB": "0.4"},
        "reserve_percent": "0",
        "commission_per_order": "0",
    }
    return PlanRequest.model_validate(values | changes)


def brief(orders: tuple[PlannedOrder, ...]) -> list[tuple[str, str, int]]:
    return [(order.symbol, order.side.value, order.quantity) for order in orders]


def test_cash_is_invested_by_weight() -> None:
    plan = make_plan(request())
    assert brief(plan.orders) == [("AAA", "BUY", 60), ("BBB", "BUY", 80)]
    assert plan.after.cash == 0
    assert plan.after.drift == 0
    assert plan.orders[0].estimated_value == Decimal("6000.00")


def test_a_held_symbol_without_a_target_is_sold_whole_and_first() -> None:
    plan = make_plan(request(cash="0", positions={"OLD": 7}, prices={"AAA": "100", "BBB": "50", "OLD": "1000"}))
    assert brief(plan.orders)[0] == ("OLD", "SELL", 7)
    assert [order.side for order in plan.orders] == [Side.SELL, Side.BUY, Side.BUY]
    assert plan.sells[0].reason == "not in the targets"


def test_a_symbol_with_target_zero_is_sold_whole() -> None:
    plan = make_plan(request(cash="0", positions={"AAA": 100}, targets={"AAA": "0", "BBB": "1"}))
    assert brief(plan.orders) == [("AAA", "SELL", 100), ("BBB", "BUY", 200)]


def test_the_reserve_stays_in_cash() -> None:
    plan = make_plan(request(reserve_percent="10"))
    assert plan.reserve == 1000
    assert plan.base == 9000
    assert brief(plan.orders) == [("AAA", "BUY", 54), ("BBB", "BUY", 72)]
    assert plan.after.cash == 1000


def test_a_shortfall_of_the_targets_stays_cash_and_is_no_error() -> None:
    plan = make_plan(request(targets={"AAA": "0.5"}))
    assert brief(plan.orders) == [("AAA", "BUY", 50)]
    assert plan.after.drift == 0


def test_a_cash_target_is_not_traded() -> None:
    plan = make_plan(request(targets={"AAA": "0.5", "CASH": "0.5"}))
    assert brief(plan.orders) == [("AAA", "BUY", 50)]
    assert plan.after.cash == 5000


def test_the_cushion_and_the_commission_limit_what_is_bought() -> None:
    plan = make_plan(request(buy_prices={"AAA": "110"}, targets={"AAA": "1"}, commission_per_order="1"))
    assert brief(plan.orders) == [("AAA", "BUY", 90)]
    assert plan.after.cash == 10000 - 9000 - 1


def test_without_buy_prices_the_default_cushion_is_kept() -> None:
    plan = make_plan(request(buy_prices={}, targets={"AAA": "1"}))
    assert brief(plan.orders) == [("AAA", "BUY", 99)]


def test_a_buy_price_below_the_valuation_price_is_not_believed() -> None:
    plan = make_plan(request(buy_prices={"AAA": "1"}, targets={"AAA": "1"}))
    assert brief(plan.orders) == [("AAA", "BUY", 100)]


def test_leftover_cash_goes_to_the_largest_gap() -> None:
    plan = make_plan(
        request(cash="1000", targets={"AAA": "0.5", "BBB": "0.5"}, prices={"AAA": "300", "BBB": "260"}, buy_prices={})
    )
    assert brief(plan.orders) == [("BBB", "BUY", 2), ("AAA", "BUY", 1)]


def test_a_large_share_is_bought_for_a_small_one_where_that_comes_closer() -> None:
    plan = make_plan(
        request(
            cash="11781",
            targets={"AAA": "0.5", "BBB": "0.5"},
            prices={"AAA": "190", "BBB": "400"},
            buy_prices={"AAA": "190", "BBB": "400"},
        )
    )
    assert brief(plan.orders) == [("BBB", "BUY", 15), ("AAA", "BUY", 30)]


def test_a_short_position_is_covered() -> None:
    plan = make_plan(request(positions={"BBB": -20}, targets={"AAA": "1"}))
    assert ("BBB", "BUY", 20) in brief(plan.orders)
    assert plan.after.weights["BBB"] == 0
    assert plan.after.cash >= 0


def test_a_short_position_is_covered_before_anything_else_is_bought() -> None:
    plan = make_plan(
        request(positions={"BBB": -100}, targets={"AAA": "1"}, buy_prices={"AAA": "150", "BBB": "80"}, cash="9000")
    )
    assert brief(plan.orders) == [("BBB", "BUY", 100), ("AAA", "BUY", 6)]


def test_symbols_held_out_are_neither_traded_nor_counted() -> None:
    plan = make_plan(request(positions={"KEEP": 1000}, held_out={"KEEP"}))
    assert plan.base == 10000
    assert "KEEP" not in plan.after.weights
    assert {order.symbol for order in plan.orders} == {"AAA", "BBB"}


def test_the_target_of_a_symbol_held_out_stays_cash_and_is_noted() -> None:
    plan = make_plan(request(held_out={"BBB"}))
    assert brief(plan.orders) == [("AAA", "BUY", 60)]
    assert "BBB is held out" in plan.notes[0]


def test_drifts_within_the_tolerance_band_are_left_alone() -> None:
    drifted = request(cash="0", positions={"AAA": 61, "BBB": 78}, tolerance_percent="2")
    assert make_plan(drifted).orders == ()
    assert make_plan(drifted.model_copy(update={"tolerance_percent": Decimal("0.5")})).orders != ()


def test_orders_below_the_minimum_value_are_left_out() -> None:
    plan = make_plan(request(cash="100", positions={"AAA": 58, "BBB": 82}, minimum_order_value="300"))
    assert plan.orders == ()
    assert "minimum" in " ".join(plan.notes)


def test_an_exit_is_made_however_small() -> None:
    plan = make_plan(
        request(
            cash="0",
            positions={"AAA": 60, "BBB": 80, "OLD": 1},
            prices={"AAA": "100", "BBB": "50", "OLD": "2"},
            minimum_order_value="500",
            tolerance_percent="5",
            commission_per_order="1",
        )
    )
    assert brief(plan.orders) == [("OLD", "SELL", 1)]


def test_a_drift_cheaper_than_the_commissions_is_left_alone() -> None:
    drifted = request(cash="0", positions={"AAA": 601, "BBB": 798}, prices={"AAA": "1", "BBB": "0.5"}, buy_prices={})
    assert make_plan(drifted.model_copy(update={"commission_per_order": Decimal(1)})).orders == ()


def test_weights_slightly_above_one_are_scaled() -> None:
    plan = make_plan(request(targets={"AAA": "0.605", "BBB": "0.405"}))
    assert sum(plan.targets.values()) == pytest.approx(Decimal(1), abs=Decimal("0.00001"))
    assert plan.after.cash >= 0
    assert "1.010" in plan.notes[0]


def test_an_empty_account_gets_an_empty_plan() -> None:
    plan = make_plan(request(cash="0"))
    assert plan.orders == ()
    assert plan.after.drift == 0


def test_debt_is_paid_back_by_selling() -> None:
    plan = make_plan(request(cash="-5000", positions={"AAA": 150}, targets={"AAA": "1"}))
    assert brief(plan.orders) == [("AAA", "SELL", 50)]
    assert plan.after.cash == 0


def test_size_buys_uses_the_cash_that_is_there_and_never_sells() -> None:
    after_sells = request(cash="3000", positions={"AAA": 70}, targets={"AAA": "0.5", "BBB": "0.5"})
    assert brief(size_buys(after_sells)) == [("BBB", "BUY", 60)]


def test_size_buys_without_cash_buys_nothing() -> None:
    assert size_buys(request(cash="-100", positions={"AAA": 70})) == ()


def test_the_hash_names_the_plan() -> None:
    assert make_plan(request()).plan_hash == make_plan(request()).plan_hash
    assert make_plan(request()).plan_hash != make_plan(request(cash="9000")).plan_hash
    assert len(make_plan(request()).plan_hash) == 12
    turned = make_plan(request()).model_copy(update={"targets": {"BBB": Decimal("0.4"), "AAA": Decimal("0.60")}})
    assert turned.plan_hash == make_plan(request()).plan_hash


def test_a_plan_survives_json() -> None:
    plan = make_plan(request())
    assert type(plan).model_validate_json(plan.model_dump_json()) == plan


@pytest.mark.parametrize("price", ["0", "-1", "NaN", "Infinity", "n/a", None])
@pytest.mark.parametrize("field", ["prices", "buy_prices"])
def test_a_price_that_is_none_is_refused_by_symbol(field: str, price: str | None) -> None:
    with pytest.raises(PriceInvalid, match="AAA"):
        request(**{field: {"AAA": price, "BBB": "50"}})


def test_a_missing_price_is_refused_by_symbol() -> None:
    with pytest.raises(PriceInvalid, match="BBB has no price"):
        request(prices={"AAA": "100"})


def test_weights_above_the_whole_are_refused() -> None:
    with pytest.raises(PlanImpossible, match=r"1\.4"):
        request(targets={"AAA": "0.7", "BBB": "0.7"})


@pytest.mark.parametrize("weight", ["-0.1", "1.5", "NaN"])
def test_a_weight_outside_its_range_is_refused(weight: str) -> None:
    with pytest.raises(ValidationError, match="AAA"):
        request(targets={"AAA": weight})


def test_an_account_that_owes_more_than_it_holds_is_refused() -> None:
    with pytest.raises(PlanImpossible, match="nothing to invest"):
        make_plan(request(cash="-9000", positions={"AAA": 50}))
