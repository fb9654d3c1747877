"""A mixed-integer linear program, and HiGHS to solve it.

HiGHS runs on one thread with a fixed seed: the same program always gives the same solution, unless its time is up.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from math import inf

import highspy
import numpy as np

# Not highspy.Highs: setting up its Python callbacks prints a banner to standard output, where only a plan belongs.
from highspy._core import _Highs as Solver  # pyright: ignore[reportPrivateUsage]

TOLERANCE = 1e-9
"""How far a row, a bound or a whole number may be missed; whoever needs exactness checks the rounded answer."""

AGREEMENT = 1e-6
"""By how much an objective may differ from the sum of its costs, as a share of it."""

_Options = dict[str, float | int | bool | str]


class Verdict(Enum):
    """What became of a program."""

    OPTIMAL = auto()
    INFEASIBLE = auto()
    OUT_OF_TIME = auto()
    """Neither proven within the seconds (or nodes) allowed."""


@dataclass(frozen=True)
class Solution:
    """The values of the variables in the order they were added; empty unless the verdict is ``OPTIMAL``."""

    verdict: Verdict
    objective: float = 0.0
    values: Sequence[float] = ()


@dataclass
class Program:
    """Variables within bounds, rows that bind them, and the sum of cost × variable that is to be minimised."""

    _costs: list[float] = field(default_factory=list)
    _lower: list[float] = field(default_factory=list)
    _upper: list[float] = field(default_factory=list)
    _kinds: list[int] = field(default_factory=list)
    _row_lower: list[float] = field(default_factory=list)
    _row_upper: list[float] = field(default_factory=list)
    _starts: list[int] = field(default_factory=list)
    _columns: list[int] = field(default_factory=list)
    _entries: list[float] = field(default_factory=list)

    def variable(self, lower: float, upper: float, *, whole: bool = False) -> int:
        """Add a variable, and return its number."""
        kind = highspy.HighsVarType.kInteger if whole else highspy.HighsVarType.kContinuous
        self._costs.append(0.0)
        self._lower.append(lower)
        self._upper.append(upper)
        self._kinds.append(int(kind))
        return len(self._costs) - 1

    def row(self, terms: Mapping[int, float], *, at_least: float = -inf, at_most: float = inf) -> None:
        """Bound the sum of factor × variable; ``terms`` maps numbers of variables to factors."""
        self._row_lower.append(at_least)
        self._row_upper.append(at_most)
        self._starts.append(len(self._columns))
        self._columns += terms.keys()
        self._entries += terms.values()

    def minimise(self, costs: Mapping[int, float]) -> None:
        """Ask for the smallest sum of these costs; variables not named cost nothing."""
        self._costs = [costs.get(number, 0.0) for number in range(len(self._costs))]

    def solve(
        self,
        seconds: float,
        gap: float,
        relative_gap: float = 0.0,
        *,
        nodes: int | None = None,
        start: Sequence[float] = (),
    ) -> Solution:
        """Solve it within so many seconds, and so many nodes of the search if their number is given.

        A solution is optimal when it is proven that none is better by more than ``gap``, or by more than that share of
        itself. ``start`` is a solution to begin from, if one is known.
        """
        limits: _Options = {"mip_abs_gap": gap, "mip_rel_gap": relative_gap}
        if nodes is not None:
            limits["mip_max_nodes"] = nodes
        solution, seconds_left = self._solve(seconds, limits, start)
        if start and solution.verdict is Verdict.OPTIMAL and not self._adds_up(solution):
            solution, _ = self._solve(seconds_left, limits, ())
        return solution

    def _solve(self, seconds: float, limits: _Options, start: Sequence[float]) -> tuple[Solution, float]:
        """The solution, and the seconds that are left."""
        solver = Solver()
        for name, value in {**_OPTIONS, **limits, "time_limit": seconds}.items():
            solver.setOptionValue(name, value)
        self._hand_over(solver)
        if start:
            numbers = np.arange(len(start), dtype=np.int32)
            solver.setSolution(len(start), numbers, np.array(start, dtype=np.float64))
        solver.run()
        return _solution_of(solver), max(seconds - solver.getRunTime(), 0.0)

    def _adds_up(self, solution: Solution) -> bool:
        """Whether the objective is that of the values.

        HiGHS 1.16 may count a start too low once it has reduced a program; it then believes it to be the best.
        """
        cost = sum(cost * value for cost, value in zip(self._costs, solution.values, strict=True))
        return abs(cost - solution.objective) <= AGREEMENT * max(1.0, abs(cost))

    def _hand_over(self, solver: Solver) -> None:
        def floats(values: list[float]) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
            return np.array(values, dtype=np.float64)

        solver.passModel(
            len(self._costs),
            len(self._row_lower),
            len(self._columns),
            int(highspy.MatrixFormat.kRowwise),
            int(highspy.ObjSense.kMinimize),
            0.0,
            floats(self._costs),
            floats(self._lower),
            floats(self._upper),
            floats(self._row_lower),
            floats(self._row_upper),
            np.array(self._starts, dtype=np.int32),
            np.array(self._columns, dtype=np.int32),
            floats(self._entries),
            np.array(self._kinds, dtype=np.int32),
        )


def _solution_of(solver: Solver) -> Solution:
    status = solver.getModelStatus()
    if status == highspy.HighsModelStatus.kOptimal:
        return Solution(Verdict.OPTIMAL, solver.getObjectiveValue(), tuple(solver.getSolution().col_value))
    if status in (highspy.HighsModelStatus.kInfeasible, highspy.HighsModelStatus.kUnboundedOrInfeasible):
        return Solution(Verdict.INFEASIBLE)
    return Solution(Verdict.OUT_OF_TIME)


_OPTIONS: _Options = {
    "output_flag": False,
    "log_to_console": False,
    "threads": 1,
    "random_seed": 0,
    "mip_heuristic_run_feasibility_jump": False,
    "mip_heuristic_run_rins": False,
    "mip_heuristic_run_rens": False,
    "mip_detect_symmetry": False,
    "mip_allow_restart": False,
    "mip_feasibility_tolerance": TOLERANCE,
    "primal_feasibility_tolerance": TOLERANCE,
    "dual_feasibility_tolerance": TOLERANCE,
}
"""One thread and one seed, for plans that can be repeated; no effort that small programs do not repay (measured with
``bench.planner``); tolerances that leave a rounded answer exact."""
