"""Each guard by itself: when it is breached, when it is kept, and what it says."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from rebalancing.approval import bounded, holds_still
from rebalancing.guards import Breach, GuardRequest, Guards, breaches, remembered_targets
from rebalancing.market.snapshot import AccountSnapshot, Quote
from rebalancing.orders.order import Side
from rebalancing.planner.plan import Plan, PlannedOrder, PlanRequest
from rebalancing.planner.planning import make_plan
from rebalancing.targets import Targets

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
PRICES = {"AAA": Decimal(50), "BBB": Decimal(20)}
WEIGHTS = {"AAA": Decimal("0.6"), "BBB": Decimal("0.3")}


def plan(cash: str = "10000", weights: dict[str, Decimal] | None = None, **more: Any) -> Plan:
    """A plan from cash to 60 % AAA and 30 % BBB."""
    given = {"cash": cash, "positions": {}, "prices": PRICES, "targets": weights or WEIGHTS, **more}
    return make_plan(PlanRequest.model_validate(given))


def found(guards: dict[str, Any], **request: Any) -> tuple[Breach, ...]:
    """The breaches of these guards."""
    defaults: dict[str, Any] = {
        "plan": plan(),
        "targets": Targets(strategy="blend", weights=WEIGHTS),
        "prices": PRICES,
        "at": NOW,
    }
    return breaches(GuardRequest(guards=Guards.model_validate(guards), **{**defaults, **request}))


def published(as_of: datetime | None) -> Targets:
    """Targets of this moment."""
    return Targets(strategy="blend", weights=WEIGHTS, as_of=as_of)


def test_without_limits_nothing_is_breached() -> None:
    assert not Guards().are_set
    assert found({}) == ()


def test_the_largest_order_value() -> None:
    value = max(order.estimated_value for order in plan().orders)
    assert found({"maximum_order_value": str(value)}) == ()
    (breach,) = found({"maximum_order_value": str(value - Decimal("0.01"))})
    assert breach.guard == "maximum_order_value"
    assert f"{value:,.2f} USD; at most" in breach.found
    assert "AAA" in breach.found


def test_each_order_above_the_limit_is_named() -> None:
    assert len(found({"maximum_order_value": "1"})) == 2


def test_turnover_counts_buys_and_sells() -> None:
    moving = plan("0", weights={"AAA": Decimal(1)}, positions={"BBB": 500})
    assert found({"maximum_turnover_percent": "205"}, plan=moving) == ()
    (breach,) = found({"maximum_turnover_percent": "150"}, plan=moving)
    assert "of the base of" in breach.found


def test_the_planners_own_turnover_limit_keeps_the_guard_of_the_same_name() -> None:
    small = plan(maximum_turnover_percent="30")
    assert found({"maximum_turnover_percent": "30"}, plan=small) == ()


def test_a_target_weight_above_the_limit() -> None:
    assert found({"maximum_weight_percent": "60"}) == ()
    (breach,) = found({"maximum_weight_percent": "59.9"})
    assert "target weight of AAA is 60.00 %" in breach.found


def test_a_weight_that_one_whole_share_lifts_over_the_limit_is_no_breach() -> None:
    assert max(plan("1000").after.weights.values()) > Decimal("0.6")
    assert found({"maximum_weight_percent": "60"}, plan=plan("1000")) == ()


def test_a_holding_that_may_not_be_sold_is_seen_after_the_plan() -> None:
    stuck = plan("1000", positions={"AAA": 180}, never_sell=["AAA"])
    (breach,) = found({"maximum_weight_percent": "70"}, plan=stuck)
    assert "after the plan" in breach.found


def test_allocations_may_be_so_many_days_old() -> None:
    limit = {"maximum_allocations_age_days": "1.5"}
    assert found(limit, targets=published(NOW - timedelta(hours=36))) == ()
    (breach,) = found(limit, targets=published(NOW - timedelta(days=2)))
    assert "2.0 days old; at most 1.5 days" in breach.found


def test_allocations_that_do_not_say_their_date_breach_a_limit_on_their_age() -> None:
    (breach,) = found({"maximum_allocations_age_days": "1"})
    assert "as_of" in breach.found


def test_the_number_of_symbols_does_not_count_cash() -> None:
    targets = Targets(strategy="blend", weights={**WEIGHTS, "CASH": Decimal("0.1"), "CCC": Decimal(0)})
    assert found({"minimum_symbols": 2}, targets=targets) == ()
    (breach,) = found({"minimum_symbols": 3}, targets=targets)
    assert "2 (AAA, BBB); at least 3" in breach.found


def test_the_change_against_the_last_targets_counts_cash() -> None:
    last = {"AAA": Decimal("0.6"), "CCC": Decimal("0.4")}
    limit = {"maximum_target_change_percent": "39.9"}
    (breach,) = found(limit, last_targets=last)
    assert "40.00 %" in breach.found
    assert found({"maximum_target_change_percent": "40"}, last_targets=last) == ()


def test_without_a_last_rebalance_no_change_is_a_breach() -> None:
    assert found({"maximum_target_change_percent": "0"}) == ()


def test_remembered_targets_are_never_below_zero() -> None:
    assert remembered_targets({"CASH": Decimal("-1E-27")}) == {"CASH": 0}


@pytest.mark.parametrize("limit", ["NaN", "-1", "Infinity", "0"])
def test_a_limit_that_is_no_positive_number_is_refused(limit: str) -> None:
    with pytest.raises(ValueError, match="maximum_order_value"):
        Guards.model_validate({"maximum_order_value": limit})


# --- what an approval is for --------------------------------------------------------------------------------------


def snapshot(prices: dict[str, Decimal] = PRICES, **positions: int) -> AccountSnapshot:
    """An account at these prices."""
    quotes = {symbol: Quote(symbol=symbol, last=price, at=NOW) for symbol, price in prices.items()}
    return AccountSnapshot(account="U1", taken_at=NOW, cash=Decimal(1), positions=positions, quotes=quotes)


def moved(percent: str) -> dict[str, Decimal]:
    """Prices of which one moved by so much."""
    return {**PRICES, "AAA": PRICES["AAA"] * (1 + Decimal(percent) / 100)}


def test_the_same_orders_for_the_same_targets_have_the_same_hash_at_other_prices() -> None:
    assert plan().plan_hash == plan(prices=moved("0.01")).plan_hash
    assert plan().plan_hash != plan(prices=moved("5")).plan_hash
    assert plan().plan_hash != plan(weights={**WEIGHTS, "AAA": Decimal("0.600001")}).plan_hash


def test_an_approved_plan_holds_while_prices_move_within_the_tolerance() -> None:
    other = plan(prices=moved("0.4"))
    assert other.plan_hash != plan().plan_hash
    assert holds_still(plan(), snapshot(), snapshot(moved("0.4")), other, Decimal("0.5"))
    assert not holds_still(plan(), snapshot(), snapshot(moved("-0.6")), other, Decimal("0.5"))


def test_an_approved_plan_does_not_hold_for_other_holdings_or_targets() -> None:
    other = plan("5000")
    assert not holds_still(plan(), snapshot(), snapshot(AAA=1), other, Decimal(1))
    targets = plan(weights={"AAA": Decimal(1)})
    assert not holds_still(plan(), snapshot(), snapshot(), targets, Decimal(1))
    assert not holds_still(plan(), snapshot(), snapshot({"AAA": Decimal(50)}), other, Decimal(1))


def buy(symbol: str, quantity: int) -> PlannedOrder:
    """A buy of so many shares."""
    value = quantity * PRICES.get(symbol, Decimal(1))
    return PlannedOrder(symbol=symbol, side=Side.BUY, quantity=quantity, estimated_value=value, reason="")


def test_no_more_is_bought_than_was_looked_at() -> None:
    approved = (buy("AAA", 10), buy("BBB", 5))
    sized = (buy("AAA", 12), buy("BBB", 4), buy("CCC", 1))
    assert [(order.symbol, order.quantity) for order in bounded(approved, sized)] == [("AAA", 10), ("BBB", 4)]
