"""After the trades: what was targeted against what was achieved."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from rebalancing.base import FrozenModel, Money
from rebalancing.orders import OrderReport, OrderState, Side
from rebalancing.outcomes import Gap
from rebalancing.plan import CASH_SYMBOL, PlanRequest

_WEIGHT_PLACES = Decimal("0.000001")
_PERCENT_PLACES = Decimal("0.0001")
_NOTICEABLE = Decimal("0.005")
"""A gap smaller than half a percent of the base is what whole shares leave, and needs no explanation."""


class Standing(FrozenModel):
    """Where an account stands: weights as shares of the base, tracking error (half-L1, cash included) in percent."""

    weights: dict[str, Decimal]
    tracking_error: Decimal


def measure(request: PlanRequest) -> Standing:
    """The weights of a portfolio as it is, and its distance to the targets."""
    values = {s: request.shares(s) * request.prices[s] for s in request.managed_symbols}
    worth = request.cash + sum(values.values(), Decimal(0))
    reserve = max(worth, Decimal(0)) * request.reserve_percent / 100
    base = worth - reserve
    if base <= 0:
        return Standing(weights={}, tracking_error=Decimal(0))
    weights = {s: value / base for s, value in values.items()}
    weights[CASH_SYMBOL] = (request.cash - reserve) / base
    targets = full_targets(request)
    distance = (
        sum((abs(weights.get(s, Decimal(0)) - targets.get(s, Decimal(0))) for s in {*weights, *targets}), Decimal(0))
        / 2
    )
    return Standing(
        weights={s: weight.quantize(_WEIGHT_PLACES) for s, weight in weights.items()},
        tracking_error=(100 * distance).quantize(_PERCENT_PLACES),
    )


def full_targets(request: PlanRequest) -> dict[str, Decimal]:
    """The targets as the planner sees them: scaled to at most 1, what is held out and the shortfall as cash."""
    total = max(sum(request.targets.values(), Decimal(0)), Decimal(1))
    targets = {
        s: weight / total
        for s, weight in request.targets.items()
        if weight and s != CASH_SYMBOL and s not in request.held_out
    }
    targets[CASH_SYMBOL] = 1 - sum(targets.values(), Decimal(0))
    return targets


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


def gaps(request: PlanRequest, standing: Standing, reports: Iterable[OrderReport]) -> tuple[Gap, ...]:
    """Every symbol that is noticeably off its target, with the reason."""
    # What a limit order has left may be traded by a second order: the last one of a symbol tells what is missing.
    last = {report.symbol: report for report in reports}
    unfilled = {symbol: report for symbol, report in last.items() if report.filled < report.quantity}
    targets = full_targets(request)
    return tuple(
        Gap(
            symbol=symbol,
            target_weight=targets.get(symbol, Decimal(0)).quantize(_WEIGHT_PLACES),
            achieved_weight=standing.weights.get(symbol, Decimal(0)),
            reason=_reason(symbol, unfilled.get(symbol)),
        )
        for symbol in sorted({*targets, *standing.weights})
        if abs(targets.get(symbol, Decimal(0)) - standing.weights.get(symbol, Decimal(0))) > _NOTICEABLE
        or symbol in unfilled
    )


def _reason(symbol: str, report: OrderReport | None) -> str:
    if report is None:
        return "what the buys left over" if symbol == CASH_SYMBOL else "no whole share fits the cash that is left"
    if report.state is OrderState.REJECTED:
        return f"the order was rejected: {report.reason}"
    if report.state is OrderState.CANCELLED:
        return f"{report.filled} of {report.quantity} shares filled before the order was cancelled"
    return f"{report.filled} of {report.quantity} shares filled; the order is {report.state.value}"
