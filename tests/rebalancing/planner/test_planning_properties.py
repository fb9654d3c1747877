"""What holds of every plan, whatever the portfolio (P5, P9)."""

from decimal import Decimal

from hypothesis import given

from rebalancing.orders.order import Side
from rebalancing.planner.plan import PlanRequest
from tests.rebalancing.planner.patient_planner import make_plan, size_buys
from tests.rebalancing.planner.random_requests import applied, requests


@given(requests())
def test_cash_never_goes_below_the_reserve_because_of_a_buy(request: PlanRequest) -> None:
    plan = make_plan(request)
    after = applied(request, plan)
    if plan.buys:
        assert after.cash >= plan.reserve - Decimal("0.01")


@given(requests(smallest_position=-200))
def test_buys_keep_the_reserve_even_where_short_positions_are_covered(request: PlanRequest) -> None:
    plan = make_plan(request) if _is_solvent(request) else None
    if plan and any(request.positions[order.symbol] >= 0 for order in plan.buys):
        assert applied(request, plan).cash >= plan.reserve - Decimal("0.01")


@given(requests(smallest_position=-200))
def test_no_position_is_ever_oversold_or_opened_short(request: PlanRequest) -> None:
    if not _is_solvent(request):
        return
    plan = make_plan(request)
    assert all(0 < order.quantity <= request.positions[order.symbol] for order in plan.sells)
    assert all(q >= min(0, request.positions[s]) for s, q in applied(request, plan).positions.items())


@given(requests(cushion=False, commissions=(Decimal(0),)))
def test_a_plan_carried_out_leaves_nothing_to_do(request: PlanRequest) -> None:
    after = applied(request, make_plan(request))
    assert make_plan(after).orders == ()


@given(requests())
def test_planning_comes_to_rest_even_where_trading_costs(request: PlanRequest) -> None:
    for _ in range(3):
        request = applied(request, make_plan(request))
    assert make_plan(request).orders == ()


@given(requests())
def test_the_order_of_the_input_does_not_matter(request: PlanRequest) -> None:
    turned = request.model_copy(
        update={
            name: dict(reversed(list(getattr(request, name).items()))) for name in ("positions", "prices", "targets")
        }
    )
    assert make_plan(turned).plan_hash == make_plan(request).plan_hash


@given(requests())
def test_a_plan_never_leads_away_from_the_targets(request: PlanRequest) -> None:
    plan = make_plan(request)
    idle = make_plan(request.model_copy(update={"tolerance_percent": Decimal(100)}))
    costs = request.commission_per_order * len(plan.orders)
    allowance = 100 * costs / plan.base if plan.base else Decimal(0)
    assert plan.after.drift <= idle.after.drift + allowance + Decimal("0.001")


@given(requests())
def test_sizing_the_buys_never_sells_and_fits_the_cash(request: PlanRequest) -> None:
    buys = size_buys(request)
    assert all(order.side is Side.BUY for order in buys)
    spent = sum((o.quantity * request.buy_price(o.symbol) + request.commission_per_order for o in buys), Decimal(0))
    assert not buys or request.cash - spent >= make_plan(request).reserve - Decimal("0.01")


def _is_solvent(request: PlanRequest) -> bool:
    return request.cash + sum((request.prices[s] * q for s, q in request.positions.items()), Decimal(0)) > 0
