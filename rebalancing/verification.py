"""After the trades: what was targeted against what was achieved."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from rebalancing.base import CENT, PERCENT_PLACES, WEIGHT_PLACES, FrozenModel, Money
from rebalancing.drift import drift_between
from rebalancing.funding.cash_standing import CashStanding
from rebalancing.orders.order import OrderReport, OrderState, Side
from rebalancing.outcomes import Gap
from rebalancing.planner.plan import CASH_SYMBOL, Plan, PlanLine, PlanRequest
from rebalancing.planner.reasons import Reason

_NOTICEABLE = Decimal("0.005")
"""A gap smaller than half a percent of the base is what whole shares leave, and needs no explanation."""

_RULES = frozenset(
    {
        Reason.WITHIN_BAND,
        Reason.BELOW_MINIMUM,
        Reason.TURNOVER,
        Reason.NEVER_BOUGHT,
        Reason.NEVER_SOLD,
        Reason.FRACTION,
        Reason.NO_CASH,
    }
)
"""What leaves a gap on purpose; such a gap is told however small."""


class Measurement(FrozenModel):
    """Where an account stands: weights as shares of the base, drift (half-L1, cash included) in percent, and cash."""

    weights: dict[str, Decimal]
    drift: Decimal
    cash: CashStanding


def measure(request: PlanRequest) -> Measurement:
    """The weights of a portfolio as it is, and its distance to the targets."""
    reserve = max(request.worth, Decimal(0)) * request.reserve_percent / 100
    base = request.worth - reserve
    if base <= 0:
        cash = CashStanding(cash=request.cash.quantize(CENT), reserve=reserve.quantize(CENT))
        return Measurement(weights={}, drift=Decimal(0), cash=cash)
    weights = {s: request.shares(s) * request.prices[s] / base for s in request.managed_symbols}
    weights[CASH_SYMBOL] = (request.cash - reserve) / base
    targets = full_targets(request)
    return Measurement(
        weights={s: weight.quantize(WEIGHT_PLACES) for s, weight in weights.items()},
        drift=drift_between(weights, targets).quantize(PERCENT_PLACES),
        cash=CashStanding(
            cash=request.cash.quantize(CENT),
            reserve=reserve.quantize(CENT),
            target=(targets[CASH_SYMBOL] * base).quantize(CENT),
        ),
    )


def full_targets(request: PlanRequest) -> dict[str, Decimal]:
    """The targets as the planner sees them, with what is held out and the shortfall as cash."""
    targets = request.managed_targets
    return {**targets, CASH_SYMBOL: 1 - sum(targets.values(), Decimal(0))}


def positions_after(positions: Mapping[str, int], reports: Iterable[OrderReport]) -> dict[str, int]:
    """Holdings after the given fills."""
    after = dict(positions)
    for report in reports:
        change = report.filled if report.side is Side.BUY else -report.filled
        after[report.symbol] = after.get(report.symbol, 0) + change
    return {symbol: shares for symbol, shares in after.items() if shares}


def cash_after(opening: Money, reports: Iterable[OrderReport]) -> Money:
    """Cash after the given fills and their commissions."""
    return opening + sum((report.cash_flow for report in reports), Decimal(0))


def gaps(
    request: PlanRequest,
    standing: Measurement,
    reports: Iterable[OrderReport],
    plan: Plan,
    expected: Mapping[str, int],
) -> tuple[Gap, ...]:
    """Every symbol that is off its target noticeably, or because of a rule or an order, with the reason.

    ``expected`` are the holdings that the fills explain (``positions_after``); ``request`` has those of the broker.
    """
    orders = _by_symbol(reports)
    lines = {line.symbol: line for line in plan.lines}
    targets = full_targets(request)
    found: list[Gap] = []
    for symbol in sorted({*targets, *standing.weights}):
        target, achieved = targets.get(symbol, Decimal(0)), standing.weights.get(symbol, Decimal(0))
        line, own = lines.get(symbol), orders.get(symbol, ())
        lacks = _not_carried_out(symbol, own, request.positions, expected)
        if not (lacks or _is_told(abs(target - achieved), line)):
            continue
        reason = _cash_reason(target, achieved) if symbol == CASH_SYMBOL else _reason(line, own, target)
        found.append(
            Gap(
                symbol=symbol,
                target_weight=target.quantize(WEIGHT_PLACES),
                achieved_weight=achieved,
                reason=lacks or reason,
                is_explained=not lacks,
            )
        )
    return tuple(found)


def _by_symbol(reports: Iterable[OrderReport]) -> dict[str, tuple[OrderReport, ...]]:
    """The orders of each symbol as they followed one another: what a limit leaves may go to market."""
    orders: dict[str, tuple[OrderReport, ...]] = {}
    for report in reports:
        orders[report.symbol] = (*orders.get(report.symbol, ()), report)
    return orders


def _not_carried_out(
    symbol: str, orders: tuple[OrderReport, ...], positions: Mapping[str, int], expected: Mapping[str, int]
) -> str:
    """What makes a rebalance incomplete at this symbol, in words; empty where nothing does.

    An order that was cut short is made up for by a later one for its rest; a rejection is told whatever followed.
    """
    for report in orders:
        if report.filled < report.quantity and (report is orders[-1] or report.state is OrderState.REJECTED):
            return _unfilled(report)
    held, explained = positions.get(symbol, 0), expected.get(symbol, 0)
    return "" if held == explained else f"the broker reports {held} shares, the fills explain {explained}"


def _is_told(distance: Decimal, line: PlanLine | None) -> bool:
    is_by_rule = line is not None and line.reason in _RULES and distance.quantize(PERCENT_PLACES) > 0
    return distance > _NOTICEABLE or is_by_rule


def _cash_reason(target: Decimal, achieved: Decimal) -> str:
    return "what the buys left over" if achieved > target else "what the sells did not bring in"


def _reason(line: PlanLine | None, orders: tuple[OrderReport, ...], target: Decimal) -> str:
    """Why a symbol is off its target although its orders were carried out: the plan, the cash, or the market."""
    if line is None:
        return "it was not part of the plan"
    if line.reason in _RULES:
        return line.explanation
    traded = sum(report.filled for report in orders)
    if abs(line.change) > traded:
        return f"the cash that came in paid for {traded} of the {abs(line.change)} shares that were planned"
    if line.after is not None and abs(line.after - target) <= _NOTICEABLE:
        return "prices moved after the plan was made"
    return "no whole share fits the cash that is left" if line.change else line.explanation


def _unfilled(report: OrderReport) -> str:
    if report.state is OrderState.REJECTED:
        return f"the order was rejected: {report.reason}"
    if report.state is OrderState.CANCELLED:
        return f"{report.filled} of {report.quantity} shares filled before the order was cancelled"
    return f"{report.filled} of {report.quantity} shares filled; the order is {report.state.value}"
