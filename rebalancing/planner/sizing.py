"""Choosing quantities: the proven optimum where it is found in time, else the greedy plan."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from rebalancing.planner.mixed_integer import Verdict
from rebalancing.planner.optimum import find_optimum
from rebalancing.planner.rounding import round_and_spend
from rebalancing.planner.sizing_problem import SizingProblem

SOLVER_SECONDS = 5.0
"""How long the solver may look for the optimum. Fifty symbols take it less than a tenth of a second; with several
hundred it may run out, and a plan that is a little worse now is better than a better one later."""

MARGINS = (0.0, 1e-6, 1e-4)
"""What is kept back of cash and turnover, tried in turn when a rounded answer breaks a limit by a hair."""


SLACK = Decimal("1.01")
"""Quantities are looked for up to this many times the greedy plan's distance; more than the solver's tolerances."""


@dataclass(frozen=True)
class Sizing:
    """The steps to hold of each line, and whether there was time to find the best."""

    quantities: Mapping[str, int]
    in_time: bool = True


def choose_quantities(problem: SizingProblem, seconds: float = SOLVER_SECONDS) -> Sizing:
    """The quantities to end with.

    Where no quantities keep the limits (the cash is short and not enough may be sold), nothing is bought and lines
    above their targets are sold.
    """
    if not problem.lines:
        return Sizing({})
    greedy = round_and_spend(problem)
    narrowed = problem.narrowed(problem.distance(greedy) * SLACK + 1) if problem.allows(greedy) else problem
    for margin in MARGINS:
        verdict, quantities = find_optimum(narrowed if not margin else problem, seconds, margin=margin)
        if verdict is not Verdict.OPTIMAL:
            return Sizing(greedy, in_time=verdict is not Verdict.OUT_OF_TIME)
        if problem.allows(quantities):
            return Sizing(min(quantities, greedy, key=lambda chosen: _rank(problem, chosen)))
    return Sizing(greedy)


def _rank(problem: SizingProblem, quantities: Mapping[str, int]) -> tuple[bool, Decimal, int, Decimal]:
    """Better is smaller. That the greedy plan wins is not expected; it guards against errors of the solver."""
    return (
        not problem.allows(quantities),
        problem.distance(quantities).quantize(Decimal("0.0001")),
        problem.orders(quantities),
        problem.traded(quantities),
    )
