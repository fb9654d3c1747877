"""The planner: from holdings and targets to whole-share orders.

The base is the net liquidation value of what is managed (cash and the managed positions at their valuation prices),
less the reserve. A weight is a symbol's value divided by the base; the cash weight is the cash above the reserve
divided by the base, so that all weights add up to 1 (commissions aside). The cash target is 1 − Σ targets.

Drift (``rebalancing.drift``) is the half-L1 distance between weights and targets, cash included:
``100 × ½ × (Σ |weight − target| + |cash weight − cash target|)``, in percent of the base.

The same request always gives the same plan, whatever the order of its dictionaries. See ``docs/planner.md``.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from rebalancing.base import CENT, PERCENT_PLACES, WEIGHT_PLACES
from rebalancing.drift import drift
from rebalancing.orders.order import Side
from rebalancing.planner.holdings_at_targets import HoldingsAtTargets, share_changes
from rebalancing.planner.plan import Plan, PlanAfter, PlanLine, PlannedOrder, PlanRequest
from rebalancing.planner.plan_lines import Explainer
from rebalancing.planner.sizing import SOLVER_SECONDS, choose_quantities
from rebalancing.planner.sizing_problem import ZERO, SizingProblem

NOISE = Decimal("0.0001")
"""A plan that comes closer by less than this share of the base is not worth an order: prices move more in a second."""


def make_plan(request: PlanRequest, *, solver_seconds: float = SOLVER_SECONDS) -> Plan:
    """Plan both legs.

    Sells come first; what is held without a target is sold whole, a short position is covered. Buys fit into the cash
    that remains above the reserve after commissions at their worst price (promise P5). After ``solver_seconds`` without
    a proven optimum the plan is a greedy one, and says so. Raises ``PlanImpossible`` when there are positions but
    nothing to invest.
    """
    return _Planner(request, HoldingsAtTargets(request), solver_seconds).plan()


def size_buys(request: PlanRequest, *, solver_seconds: float = SOLVER_SECONDS) -> tuple[PlannedOrder, ...]:
    """Size the buy leg anew, with the cash and positions as they are after the sell leg; it never sells."""
    return _Planner(request, HoldingsAtTargets(request, buy_leg=True), solver_seconds).plan().buys


class _Planner:
    """One planning run; holds what the steps share."""

    def __init__(self, request: PlanRequest, holdings: HoldingsAtTargets, solver_seconds: float) -> None:
        self._request = request
        self._holdings = holdings
        self._problem: SizingProblem = holdings.problem()
        sizing = choose_quantities(self._problem, solver_seconds)
        self._is_optimal = sizing.in_time
        self._is_worth_it = self._mends_more_than_it_costs(sizing.quantities)
        self._steps = sizing.quantities if self._is_worth_it else self._problem.unchanged

    def plan(self) -> Plan:
        """Describe what was chosen."""
        holdings, changes = self._holdings, share_changes(self._holdings, self._steps)
        explainer = Explainer(self._request, holdings, self._problem, self._steps, self._is_worth_it)
        lines = explainer.lines(changes)
        explanations = {line.symbol: line.explanation for line in lines}
        orders = self._orders(changes, explanations)
        return Plan(
            orders=orders,
            base=holdings.base.quantize(CENT),
            reserve=holdings.reserve.quantize(CENT),
            targets={s: weight.quantize(WEIGHT_PLACES) for s, weight in holdings.targets.items()},
            after=self._after(changes, lines, len(orders)),
            lines=lines,
            is_optimal=self._is_optimal,
            notes=(*holdings.notes, *self._closing_notes(explainer)),
        )

    def _mends_more_than_it_costs(self, steps: Mapping[str, int]) -> bool:
        """Whether the orders that are not compulsory mend more than they may cost.

        The cost is two commissions for every managed symbol and what the buys may pay above the valuation price. Paying
        commissions makes the base smaller; twice their sum is the most by which that alone can move the distance, so
        one rebalance is no reason for the next. Below ``NOISE`` nothing is worth an order.
        """
        problem, unchanged = self._problem, self._problem.unchanged
        if steps == unchanged:
            return True
        mended = problem.distance(unchanged) - problem.distance(steps)
        bought = ((max(steps[s] - line.held, 0), line) for s, line in problem.lines.items())
        spread = sum((count * (line.buy_price - line.price) for count, line in bought), ZERO)
        commissions = 2 * len(self._holdings.entries) * problem.commission
        return mended > max(commissions + spread, self._holdings.base * NOISE)

    def _closing_notes(self, explainer: Explainer) -> list[str]:
        notes = list(explainer.notes)
        if not self._is_worth_it:
            notes.append("the remaining drift is smaller than what mending it may cost")
        if not self._is_optimal:
            notes.append(
                "the solver's time was up: shares are rounded and the rest is spent greedily, which may be a little "
                "further from the targets than need be"
            )
        if self._problem.left(self._steps) < 0:
            notes.append("cash is below the reserve and no sale is due that would restore it")
        return notes

    def _orders(self, changes: Mapping[str, int], explanations: Mapping[str, str]) -> tuple[PlannedOrder, ...]:
        """Sells first; within a leg the largest value first."""
        orders = [
            PlannedOrder(
                symbol=symbol,
                side=Side.BUY if change > 0 else Side.SELL,
                quantity=abs(change),
                estimated_value=(abs(change) * self._holdings.entries[symbol].price).quantize(CENT),
                reason=explanations[symbol],
            )
            for symbol, change in changes.items()
            if change
        ]
        return tuple(sorted(orders, key=lambda o: (o.side is Side.BUY, -o.estimated_value, o.symbol)))

    def _after(self, changes: Mapping[str, int], lines: Iterable[PlanLine], orders: int) -> PlanAfter:
        moved = sum((changes[s] * entry.price for s, entry in self._holdings.entries.items()), ZERO)
        cash = self._request.cash - moved - self._request.commission_per_order * orders
        return PlanAfter(
            cash=cash.quantize(CENT),
            idle_cash=(cash - self._holdings.reserve - self._holdings.cash_target).quantize(CENT),
            weights={line.symbol: line.after for line in lines if line.after is not None},
            drift=self._drift(changes, cash),
        )

    def _drift(self, changes: Mapping[str, int], cash: Decimal) -> Decimal:
        holdings = self._holdings
        if not holdings.base:
            return ZERO
        gaps = [entry.gap_with(changes[symbol]) for symbol, entry in holdings.entries.items()]
        return drift([*gaps, holdings.reserve + holdings.cash_target - cash], holdings.base).quantize(PERCENT_PLACES)
