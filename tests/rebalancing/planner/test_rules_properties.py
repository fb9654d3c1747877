"""What holds of every plan under an account's rules, and of portfolios that differ in one thing."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebalancing.orders.order import Side
from rebalancing.planner.plan import CASH_SYMBOL, Plan, PlanRequest
from rebalancing.planner.planning import NOISE
from rebalancing.planner.reasons import Reason
from rebalancing.planner.trading_rules import ToleranceScope, TradingSides
from rebalancing.targets import Replacement, apply_replacements, replaced_symbols
from tests.rebalancing.planner.patient_planner import make_plan, size_buys
from tests.rebalancing.planner.random_requests import SYMBOLS, applied, requests

CENT = Decimal("0.01")

COMPULSORY = (Reason.NOT_IN_TARGETS, Reason.REPLACED, Reason.SHORT)


@st.composite
def ruled_requests(draw: st.DrawFn) -> PlanRequest:
    """Any portfolio with any mixture of rules."""
    plain = draw(requests())
    some = st.frozensets(st.sampled_from(SYMBOLS), max_size=2)
    return plain.model_copy(
        update={
            "held_out": draw(some),
            "tolerance_percent": draw(st.sampled_from([Decimal(0), Decimal(1), Decimal(5)])),
            "relative_tolerance_percent": draw(st.sampled_from([Decimal(0), Decimal(10), Decimal(25)])),
            "tolerance_scope": draw(st.sampled_from(ToleranceScope)),
            "minimum_order_value": draw(st.sampled_from([Decimal(0), Decimal(100), Decimal(2000)])),
            "maximum_turnover_percent": draw(st.sampled_from([None, Decimal(1), Decimal(30)])),
            "trading": draw(st.sampled_from(TradingSides)),
            "never_buy": draw(some),
            "never_sell": draw(some),
            "lots": draw(st.dictionaries(st.sampled_from(SYMBOLS), st.sampled_from([1, 10, 100]), max_size=2)),
            "fractions": draw(st.dictionaries(st.sampled_from(list(plain.positions)), st.just(Decimal("0.4")))),
        }
    )


@given(ruled_requests())
def test_no_order_breaks_a_rule(request: PlanRequest) -> None:
    plan = make_plan(request)
    reasons = {line.symbol: line.reason for line in plan.lines}
    for order in plan.orders:
        assert order.symbol not in request.held_out
        assert request.may_buy(order.symbol) if order.side is Side.BUY else request.may_sell(order.symbol)
        if reasons[order.symbol] not in COMPULSORY:
            assert order.quantity % request.lots.get(order.symbol, 1) == 0
            assert order.estimated_value >= request.minimum_order_value - CENT
    free = [order for order in plan.orders if reasons[order.symbol] not in COMPULSORY]
    if request.maximum_turnover_percent is not None and free:
        limit = plan.base * request.maximum_turnover_percent / 100
        assert sum(order.estimated_value for order in plan.orders) <= limit + CENT * (len(plan.orders) + 1)


@given(ruled_requests())
def test_the_reserve_is_kept_under_any_rules(request: PlanRequest) -> None:
    plan = make_plan(request)
    if plan.buys:
        assert applied(request, plan).cash >= plan.reserve - CENT


@given(ruled_requests())
def test_the_buy_leg_keeps_the_reserve_with_whatever_cash_came_in(request: PlanRequest) -> None:
    buys = size_buys(request)
    assert all(order.side is Side.BUY for order in buys)
    spent = sum((o.quantity * request.buy_price(o.symbol) + request.commission_per_order for o in buys), Decimal(0))
    assert not buys or request.cash - spent >= make_plan(request).reserve - CENT


@given(ruled_requests())
def test_every_symbol_has_one_line_with_its_change(request: PlanRequest) -> None:
    plan = make_plan(request)
    changes = {line.symbol: line.change for line in plan.lines if line.change}
    signed = {o.symbol: o.quantity if o.side is Side.BUY else -o.quantity for o in plan.orders}
    assert changes == signed
    assert sorted({line.symbol for line in plan.lines}) == [line.symbol for line in plan.lines]
    assert {line.symbol for line in plan.lines} >= set(request.managed_symbols)


@given(ruled_requests())
def test_under_any_rules_a_plan_carried_out_leaves_nothing_to_do(request: PlanRequest) -> None:
    costless = request.model_copy(
        update={
            "buy_prices": request.prices,
            "commission_per_order": Decimal(0),
            "maximum_turnover_percent": None,  # a limit on each rebalance leaves the rest to the next by design
        }
    )
    assert make_plan(applied(costless, make_plan(costless))).orders == ()


@given(ruled_requests(), st.randoms(use_true_random=False))
def test_no_order_of_the_symbols_changes_the_plan(request: PlanRequest, random: st.DataObject) -> None:
    shuffled: dict[str, object] = {}
    for name in ("positions", "prices", "targets", "fractions", "lots"):
        items = list(getattr(request, name).items())
        random.shuffle(items)  # pyright: ignore[reportAttributeAccessIssue]
        shuffled[name] = dict(items)
    assert make_plan(request.model_copy(update=shuffled)) == make_plan(request)


@given(requests())
def test_other_names_for_the_symbols_lead_as_close_to_the_targets(request: PlanRequest) -> None:
    names = dict(zip(SYMBOLS, ("ZED", "YEW", "XER", "WAX", "VIM", "URN"), strict=True))
    renamed = request.model_copy(
        update={
            name: {names[symbol]: value for symbol, value in getattr(request, name).items()}
            for name in ("positions", "prices", "buy_prices", "targets")
        }
    )
    one, other = make_plan(request), make_plan(renamed)
    allowed = Decimal("0.001") * max(one.after.drift, Decimal("0.01")) + _percent(one, _costs(request))
    assert abs(one.after.drift - other.after.drift) <= allowed


@given(requests(cushion=False, commissions=(Decimal(0),)), st.decimals("0.01", 5000, places=2))
def test_more_money_ends_no_further_from_the_targets_than_a_share_of_each_symbol(
    request: PlanRequest, more: Decimal
) -> None:
    plain = request.model_copy(update={"tolerance_percent": Decimal(0)})
    richer = plain.model_copy(update={"cash": plain.cash + more})
    before, after = _dollars_off(make_plan(plain)), make_plan(richer)
    shares = sum((plain.prices[s] for s in plain.managed_symbols if plain.targets.get(s)), Decimal(0))
    unmended = after.base * (NOISE + Decimal("0.000002"))  # drift that small is not traded, nor shown with more places
    assert _dollars_off(after) <= before + min(more, shares) + unmended


@given(st.integers(0, 500), st.decimals("1", "900", places=2), st.decimals(0, 50_000, places=2), st.decimals(1, 5000))
def test_more_money_ends_no_further_than_one_share_where_there_is_one_symbol(
    held: int, price: Decimal, cash: Decimal, more: Decimal
) -> None:
    plain = PlanRequest(
        cash=cash,
        positions={"AAA": held},
        prices={"AAA": price},
        buy_prices={"AAA": price},
        targets={"AAA": Decimal(1)},
        commission_per_order=Decimal(0),
    )
    before = _dollars_off(make_plan(plain))
    after = make_plan(plain.model_copy(update={"cash": cash + more}))
    assert _dollars_off(after) <= before + price + after.base * (NOISE + Decimal("0.000002"))


@given(requests(), st.sets(st.sampled_from(SYMBOLS), max_size=3))
def test_held_out_symbols_change_nothing_but_their_share_of_the_targets(request: PlanRequest, out: set[str]) -> None:
    with_them = request.model_copy(update={"held_out": frozenset(out)})
    without = request.model_copy(
        update={
            "positions": {s: q for s, q in request.positions.items() if s not in out},
            "targets": {s: w for s, w in request.targets.items() if s not in out},
        }
    )
    assert make_plan(with_them).orders == make_plan(without).orders


@given(requests(), st.sampled_from(SYMBOLS), st.sampled_from(["0.5", "1", "1.5"]))
def test_a_replaced_symbol_is_never_bought_and_the_sum_of_the_targets_stays(
    request: PlanRequest, source: str, scale: str
) -> None:
    rules = [Replacement(source=source, target="NEW", scale=Decimal(scale))]
    targets = apply_replacements(request.targets, rules)
    assert sum(targets.values()) == pytest.approx(sum(request.targets.values()), abs=Decimal("1e-20"))
    replaced = request.model_copy(
        update={
            "targets": targets,
            "replaced": replaced_symbols(request.targets, rules),
            "prices": request.prices | {"NEW": Decimal(30)},
        }
    )
    plan = make_plan(replaced)
    held = request.positions.get(source, 0)
    sold = {order.symbol: order.quantity for order in plan.sells}
    assert all(order.symbol != source for order in plan.buys)
    if request.targets.get(source):
        assert sold.get(source, 0) == held
        assert {line.symbol: line.reason for line in plan.lines}[source] is Reason.REPLACED


def _costs(request: PlanRequest) -> Decimal:
    """What keeps two equally good plans apart: commissions in the weights, and drift that is not worth mending."""
    return request.commission_per_order * 2 * len(request.managed_symbols)


def _percent(plan: Plan, money: Decimal) -> Decimal:
    return 100 * money / plan.base if plan.base else Decimal(0)


def _dollars_off(plan: Plan) -> Decimal:
    """The distance to the targets in US dollars."""
    assert CASH_SYMBOL not in plan.targets
    return plan.after.drift * plan.base / 100
