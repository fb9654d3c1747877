"""Whole shares: the optimum is held against trying out every combination, and against an independent proof."""

from decimal import Decimal
from itertools import product

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bench.planner.account import Account
from bench.planner.comparison import ALLOWED_RATIO, OPTIMUM, OURS, compare
from bench.planner.proven_optimum import proven_optimum
from bench.planner.published_rules import round_down_and_spend
from rebalancing.planner.mixed_integer import Program, Verdict
from rebalancing.planner.optimum import find_optimum
from rebalancing.planner.plan import PlanRequest
from rebalancing.planner.rounding import round_and_spend
from rebalancing.planner.sizing import choose_quantities as choose_in_time
from rebalancing.planner.sizing_problem import Line, SizingProblem
from tests.rebalancing.planner.patient_planner import PATIENCE, choose_quantities, make_plan
from tests.rebalancing.planner.small_problems import every_choice

HAIR = Decimal("0.001")
"""Dollars by which two distances of the small problems here may differ; the solver has a tolerance."""


@st.composite
def lines(draw: st.DrawFn, symbol: str) -> Line:
    """A line of at most eight steps either way, with any of the limits a line may have."""
    price = draw(st.decimals(5, 400, places=2))
    held = draw(st.integers(0, 8))
    is_ordered = draw(st.sampled_from([False, False, False, True]))
    return Line(
        symbol=symbol,
        price=price,
        buy_price=price * draw(st.sampled_from([Decimal(1), Decimal("1.003"), Decimal("1.05")])),
        held=held,
        target_value=draw(st.decimals(0, 6, places=3)) * price,
        lowest=draw(st.sampled_from([0, 0, 0, held])),
        highest=draw(st.sampled_from([None, None, None, held])),
        smallest=1 if is_ordered else draw(st.sampled_from([1, 1, 1, 2, 3])),
        is_ordered=is_ordered,
    )


@st.composite
def problems(draw: st.DrawFn) -> SizingProblem:
    """Up to three lines; cash may be short, the cash target may be anything that keeps the sums equal."""
    symbols = draw(st.sampled_from([("AAA",), ("AAA", "BBB"), ("AAA", "BBB", "CCC")]))
    drawn = {symbol: draw(lines(symbol)) for symbol in symbols}
    return SizingProblem(
        lines=drawn,
        spendable=draw(st.decimals(-300, 3000, places=2)),
        surplus=draw(st.decimals(-500, 3000, places=2)),
        commission=draw(st.sampled_from([Decimal(0), Decimal(1), Decimal(20)])),
        turnover=draw(st.sampled_from([None, None, Decimal(100), Decimal(1000)])),
    )


@given(problems())
def test_nothing_that_could_be_chosen_comes_closer_or_takes_fewer_orders(problem: SizingProblem) -> None:
    chosen = choose_quantities(problem).quantities
    possible = [(problem.distance(q), problem.orders(q), problem.traded(q)) for q in every_choice(problem)]
    if not possible:
        return
    assert problem.allows(chosen)
    closest = min(distance for distance, _, _ in possible)
    slack = max(HAIR, closest / 2500)
    assert problem.distance(chosen) <= closest + slack
    as_close = [(orders, traded) for distance, orders, traded in possible if distance <= closest]
    assert problem.orders(chosen) <= min(orders for orders, _ in as_close)
    fewest = [traded for orders, traded in as_close if orders == problem.orders(chosen)]
    assert not fewest or problem.traded(chosen) <= min(fewest) + max(Decimal(1), min(fewest) / 100)


@given(problems())
def test_the_greedy_choice_keeps_every_limit_where_any_does(problem: SizingProblem) -> None:
    greedy = round_and_spend(problem)
    if problem.allows(problem.unchanged):
        assert problem.allows(greedy)
    assert all(line.allows(greedy[s]) for s, line in problem.lines.items())


def line(symbol: str, **changes: object) -> Line:
    values: dict[str, object] = {
        "symbol": symbol,
        "price": Decimal(100),
        "buy_price": Decimal(100),
        "held": 0,
        "target_value": Decimal(0),
    }
    return Line(**(values | changes))  # pyright: ignore[reportArgumentType]


def problem_of(*of: Line, cash: int, **changes: Decimal | None) -> SizingProblem:
    values: dict[str, Decimal | None] = {
        "spendable": Decimal(cash),
        "surplus": Decimal(cash),
        "commission": Decimal(0),
    }
    return SizingProblem(lines={each.symbol: each for each in of}, **(values | changes))  # pyright: ignore[reportArgumentType]


def test_of_equally_close_choices_the_one_with_fewer_orders_is_taken() -> None:
    halves = [line(symbol, target_value=Decimal(150), held=held) for symbol, held in (("AAA", 1), ("BBB", 1))]
    chosen = choose_quantities(
        problem_of(*halves, line("CCC", target_value=Decimal(50)), cash=150, surplus=Decimal(150))
    )
    assert sum(q != each.held for q, each in zip(chosen.quantities.values(), halves, strict=False)) <= 1
    assert sum(chosen.quantities.values()) == 3


def test_of_as_few_orders_the_one_with_less_turnover_is_taken() -> None:
    # Both stand 50 above a whole share; giving up one share of either comes equally close, the cheaper trades less.
    dear = line("AAA", price=Decimal(300), buy_price=Decimal(300), held=1, target_value=Decimal(150))
    cheap = line("BBB", price=Decimal(100), buy_price=Decimal(100), held=1, target_value=Decimal(50))
    chosen = choose_quantities(problem_of(dear, cheap, cash=-50, surplus=Decimal(-200)))
    assert chosen.quantities == {"AAA": 1, "BBB": 0}


def test_a_start_that_the_solver_counts_too_low_is_not_believed() -> None:
    tiny = Decimal("0.005")
    five = {"price": Decimal(5), "buy_price": Decimal(5)}
    lines = (
        line("AAA", **five, target_value=tiny),
        line("BBB", **five, held=3, target_value=tiny),
        line("CCC", **five, held=3, smallest=2),
    )
    problem = problem_of(*lines, cash=0)
    assert problem.orders(choose_quantities(problem).quantities) == 2


def test_without_time_the_choice_is_greedy_and_says_so() -> None:
    problem = problem_of(line("AAA", target_value=Decimal(1000)), cash=1000)
    chosen = choose_in_time(problem, seconds=0)
    assert not chosen.in_time
    assert chosen.quantities == round_and_spend(problem) == {"AAA": 10}


def test_when_only_the_second_solution_is_late_the_first_counts() -> None:
    problem = problem_of(line("AAA", target_value=Decimal(1000)), cash=1000)
    times = iter([0.0, PATIENCE])
    assert find_optimum(problem, PATIENCE, clock=lambda: next(times)) == (Verdict.OPTIMAL, {"AAA": 10})


def test_a_search_with_too_many_equal_choices_is_settled_a_little_coarser_but_settled() -> None:
    held = {"AAA": 67, "BBB": 217, "CCC": 217, "EEE": 328, "FFF": 222}
    prices = {"AAA": "7.40", "BBB": "7.40", "CCC": "0.50", "DDD": "0.50", "EEE": "0.50", "FFF": "341.02"}
    shares = {"BBB": 21, "EEE": 3, "AAA": 52, "DDD": 55, "CCC": 30, "FFF": 21}
    plan = make_plan(
        PlanRequest.model_validate(
            {
                "cash": "18.31",
                "positions": held,
                "prices": prices,
                "targets": {symbol: Decimal(count) / 182 for symbol, count in shares.items()},
                "reserve_percent": "4.4",
                "commission_per_order": "0",
            }
        )
    )
    assert plan.is_optimal
    assert plan.after.drift <= Decimal("0.2558")


def test_where_no_choice_keeps_the_limits_nothing_is_bought_and_what_may_be_sold_is() -> None:
    stuck = line("AAA", held=5, lowest=5, target_value=Decimal(900))
    over = line("BBB", held=5, target_value=Decimal(300))
    chosen = choose_quantities(problem_of(stuck, over, cash=-5000))
    assert chosen.in_time
    assert chosen.quantities == {"AAA": 5, "BBB": 3}


@pytest.mark.parametrize("seconds", [0.0, PATIENCE])
def test_the_solver_writes_nothing_to_the_output(seconds: float, capfd: pytest.CaptureFixture[str]) -> None:
    short = line("AAA", held=1, lowest=1, target_value=Decimal(100))
    choose_in_time(problem_of(line("AAA", target_value=Decimal(1000)), cash=1000), seconds)
    choose_in_time(problem_of(short, cash=-50), seconds)
    assert capfd.readouterr() == ("", "")


def test_a_program_without_a_solution_is_infeasible() -> None:
    program = Program()
    number = program.variable(0, 10, whole=True)
    program.row({number: 2.0}, at_least=7.0)
    program.minimise({number: 1.0})
    assert program.solve(PATIENCE, 0.0).values == (4.0,)
    program.row({number: 1.0}, at_most=3.0)
    assert program.solve(PATIENCE, 0.0).verdict is Verdict.INFEASIBLE


# --- the bench, small ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [10_000, 50_000, 250_000])
def test_random_portfolios_are_sized_to_the_proven_optimum_and_never_overdrawn(size: int) -> None:
    seen: list[int] = []
    comparison = compare(size, 20, seed=11, progress=seen.append)
    assert seen == list(range(1, 21))
    assert comparison.is_good
    assert comparison.ratio <= ALLOWED_RATIO
    assert comparison.rows[OURS].overdrawn == comparison.rows[OURS].short == 0
    assert comparison.rows[OPTIMUM].mean <= comparison.rows[OURS].mean


@st.composite
def small_accounts(draw: st.DrawFn) -> PlanRequest:
    """Two or three dear symbols, so that every combination can be tried."""
    symbols = draw(st.sampled_from([("AAA", "BBB"), ("AAA", "BBB", "CCC")]))
    shares = [draw(st.integers(1, 9)) for _ in symbols]
    weights = [Decimal(n) / 100 for n in shares]
    weights[0] += 1 - sum(weights)
    positions = {symbol: draw(st.integers(0, 5)) for symbol in symbols}
    return PlanRequest(
        cash=draw(st.decimals(100, 1500, places=2)),
        positions=positions,
        prices={symbol: draw(st.decimals(60, 600, places=2)) for symbol in symbols},
        targets=dict(zip(symbols, weights, strict=True)),
    )


@settings(max_examples=40)
@given(small_accounts())
@example(PlanRequest(cash=Decimal(100), positions={}, prices={"AAA": Decimal(90)}, targets={"AAA": Decimal(1)}))
def test_the_proof_finds_what_trying_out_every_combination_finds(request: PlanRequest) -> None:
    account = Account.of(request)
    known = round_down_and_spend(account)
    most = {s: max(int(account.target_values[s] / account.prices[s]) + 2, account.held[s]) for s in account.held}
    tried = (
        dict(zip(account.held, quantities, strict=True))
        for quantities in product(*(range(most[s] + 1) for s in account.held))
    )
    best = min(account.drift(q) for q in tried if account.cash_left(q) >= account.reserve)
    assert proven_optimum(account, known) == pytest.approx(best, abs=Decimal("1e-12"))
