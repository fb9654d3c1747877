"""The best whole shares, by mixed-integer programming.

Each line is written as its target rounded down, less the steps it stays below (whole), plus the step that rounds it up
(yes or no), plus the steps it keeps beyond that (whole). So written the relaxed program is tight: it is a knapsack of
the steps that round up, and its optimum is proven in milliseconds for the portfolios people have. Lines may have been
narrowed to quantities that what is held is not among: such a line is traded in any case.

The program is solved twice: for the smallest distance, then at that distance for the fewest orders and, of these, the
least turnover. Money is scaled so that the size of the account does not matter to the solver's tolerances; what it
answers is rounded to whole steps, and has to be checked exactly by whoever asked.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from math import inf
from typing import NamedTuple

from rebalancing.planner.mixed_integer import Program, Solution, Verdict
from rebalancing.planner.sizing_problem import Line, SizingProblem

SCALE = 1e5
"""What the larger of holdings, targets and cash comes to inside the program."""

TIE = 1e-2
"""Distances (of ``SCALE``) that differ by less are equal: a cent in a hundred thousand dollars is worth no order."""

RELATIVE_GAP = 3e-4
"""The distance is proven to within this share of itself. Where shares cost cents, closing the rest of the gap would
mean to count combinations that differ by less than a quote does from one second to the next."""

COARSE_TIE, COARSE_GAP = 1e-1, 1e-3
"""What is asked for instead where that takes too many nodes: with many cheap shares of each symbol, whose combinations
can hardly be told apart. A tenth is ten cents in a hundred thousand dollars."""

MOST_NODES, MOST_COARSE_NODES = 1_000, 3_000
"""Programs that are solved at all take some dozens of nodes, those of hundreds of symbols included."""

TURNOVER_GAP = 1e-4
"""The least turnover is proven to within this share of what could be traded; the number of orders is exact."""

Clock = Callable[[], float]
"""Seconds that only go forward."""


def find_optimum(
    problem: SizingProblem, seconds: float, *, margin: float = 0.0, clock: Clock = time.monotonic
) -> tuple[Verdict, dict[str, int]]:
    """The quantities with the smallest distance, and among these the fewest orders, then the least turnover.

    ``margin`` (of ``SCALE``) is kept of cash and turnover, for the case that rounding broke a limit. There are no
    quantities unless the verdict is ``OPTIMAL``. If only the second solution does not come in time, the first counts.
    """
    if seconds <= 0:  # the solver would still settle what needs no search
        return Verdict.OUT_OF_TIME, {}
    ends_at = clock() + seconds
    program = _SizingProgram(problem, margin)
    closest = program.closest(seconds, TIE, RELATIVE_GAP, MOST_NODES)
    if closest.verdict is Verdict.OUT_OF_TIME and (seconds_left := ends_at - clock()) > 0:
        closest = program.closest(seconds_left, COARSE_TIE, COARSE_GAP, MOST_COARSE_NODES)
    if closest.verdict is not Verdict.OPTIMAL:
        return closest.verdict, {}
    simplest = program.simplest(closest, max(ends_at - clock(), 0.0))
    return Verdict.OPTIMAL, program.quantities(simplest if simplest.verdict is Verdict.OPTIMAL else closest)


class _Part(NamedTuple):
    """Some steps of a line: how many there may be, how many there are if the line is not traded, and their cost."""

    size: int
    untraded: int
    sign: int
    excess: float


@dataclass(frozen=True)
class _Variables:
    """What stands for one line: its quantity is ``start`` plus ``terms``; ``ordered`` says whether it is traded."""

    start: int
    terms: Mapping[int, float]
    ordered: int | None


class _SizingProgram:
    """One sizing problem as a mixed-integer program."""

    def __init__(self, problem: SizingProblem, margin: float) -> None:
        lines = problem.lines.values()
        held = sum((line.held * line.price for line in lines), Decimal(0))
        wanted = sum((max(line.target_value, Decimal(0)) for line in lines), Decimal(0))
        self._unit = float(max(held, wanted, abs(problem.spendable), Decimal(1))) / SCALE
        self._problem = problem
        self._program = Program()
        self._excess: dict[int, float] = {}
        self._spent: dict[int, float] = {}
        self._moved: dict[int, float] = {}
        self._traded: dict[int, float] = {}
        self._moved_before = self._traded_before = self._most_traded = 0.0
        self._lines = {symbol: self._add(line) for symbol, line in problem.lines.items()}
        self._keep_limits(margin)

    def closest(self, seconds: float, gap: float, relative_gap: float, nodes: int) -> Solution:
        """Minimise the distance, proven to within this gap or this share of itself."""
        self._program.minimise(self._excess)
        return self._program.solve(seconds, gap, relative_gap, nodes=nodes)

    def simplest(self, closest: Solution, seconds: float) -> Solution:
        """At the distance of that solution, minimise the number of orders; turnover decides between equals."""
        self._program.row(self._excess, at_most=closest.objective + TIE)
        costs = {number: factor / self._most_traded for number, factor in self._traded.items()}
        for line in self._lines.values():
            if line.ordered is not None:
                costs[line.ordered] = 1.0
        self._program.minimise(costs)
        return self._program.solve(seconds, TURNOVER_GAP, nodes=MOST_NODES, start=closest.values)

    def quantities(self, solution: Solution) -> dict[str, int]:
        """The steps of every line, rounded to whole ones."""
        return {
            symbol: line.start + round(sum(factor * solution.values[number] for number, factor in line.terms.items()))
            for symbol, line in self._lines.items()
        }

    def _scaled(self, money: Decimal) -> float:
        return float(money) / self._unit

    def _add(self, line: Line) -> _Variables:
        """Add the variables of one line and the rows that bind them to each other."""
        price = self._scaled(line.price)
        start, parts = line.rounded_down, self._parts(line)
        numbers = [self._program.variable(0, part.size, whole=True) for part in parts]
        terms = {number: float(part.sign) for number, part in zip(numbers, parts, strict=True)}
        self._excess |= {number: part.excess for number, part in zip(numbers, parts, strict=True)}
        change = start - line.held
        bought = self._program.variable(0, inf)
        self._program.row({bought: 1.0} | _negative(terms), at_least=change)

        self._moved |= {number: price * sign for number, sign in terms.items()}
        self._moved_before += price * change
        self._spent[bought] = self._scaled(line.buy_price - line.price)
        self._traded |= {bought: 2 * price} | {number: -price * sign for number, sign in terms.items()}
        self._traded_before -= price * change
        self._most_traded += price * (line.ceiling + line.held + 1)

        ordered = None if line.is_ordered else self._add_ordered(line, parts, numbers)
        if ordered is not None:
            self._spent[ordered] = self._scaled(self._problem.commission)
            if line.smallest > 1:
                self._keep_smallest(line, ordered, bought, terms)
        return _Variables(start, terms, ordered)

    def _parts(self, line: Line) -> list[_Part]:
        start, ceiling = line.rounded_down, line.ceiling
        parts = [_Part(start - line.lowest, max(start - line.held, 0), -1, 0.0)]
        if start == line.steps_to_target and ceiling > start:
            start += 1
            parts.append(_Part(1, int(line.held >= start), 1, self._scaled(-line.gap(start))))
        parts.append(_Part(ceiling - start, max(line.held - start, 0), 1, self._scaled(line.price)))
        return [part for part in parts if part.size > 0]

    def _add_ordered(self, line: Line, parts: list[_Part], numbers: list[int]) -> int:
        """A variable that is 1 as soon as one part differs from what it is without an order."""
        if not line.lowest <= line.held <= line.ceiling:
            return self._program.variable(1, 1, whole=True)
        ordered = self._program.variable(0, 1, whole=True)
        for part, number in zip(parts, numbers, strict=True):
            if above := part.size - part.untraded:
                self._program.row({ordered: above, number: -1.0}, at_least=-part.untraded)
            if part.untraded:
                self._program.row({ordered: part.untraded, number: 1.0}, at_least=part.untraded)
        return ordered

    def _keep_smallest(self, line: Line, ordered: int, bought: int, terms: Mapping[int, float]) -> None:
        """An order either buys or sells, and no fewer steps than the smallest change."""
        change = line.rounded_down - line.held
        buys, sells = (self._program.variable(0, 1, whole=True) for _ in range(2))
        self._program.row({ordered: 1.0, buys: -1.0, sells: -1.0}, at_least=0.0, at_most=0.0)
        sold = {bought: 1.0} | _negative(terms)  # … − change
        self._program.row({bought: 1.0, buys: -float(line.smallest)}, at_least=0.0)
        self._program.row({bought: 1.0, buys: -float(line.ceiling - line.held)}, at_most=0.0)
        self._program.row(sold | {sells: -float(line.smallest)}, at_least=change)
        self._program.row(sold | {sells: -float(line.held - line.lowest)}, at_most=change)

    def _keep_limits(self, margin: float) -> None:
        problem = self._problem
        idle_cash = self._program.variable(0, inf)
        self._excess[idle_cash] = 1.0
        self._program.row({idle_cash: 1.0} | self._moved, at_least=self._scaled(problem.surplus) - self._moved_before)
        self._program.row(
            self._moved | self._spent, at_most=self._scaled(problem.spendable) - self._moved_before - margin
        )
        if problem.turnover is not None:
            limit = self._scaled(problem.turnover) - self._traded_before - margin
            self._program.row(self._traded, at_most=limit)


def _negative(terms: Mapping[int, float]) -> dict[int, float]:
    return {number: -factor for number, factor in terms.items()}
