"""A plan for people, as a table with the reason of every line, and for programs, as JSON."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from rebalancing.approval import WaitingPlan
from rebalancing.orders.order import Side
from rebalancing.planner.plan import Plan, PlanLine

NOTHING = "–"


def plan_view(plan: Plan, notes: Iterable[str], title: str = "Plan") -> RenderableType:
    """Weights before, target and after, orders, and why; then what the account ends with, and the notes."""
    heading = f"{title} on a base of {plan.base:,} USD, with {plan.reserve:,} USD in reserve"
    table = Table(title=heading, title_justify="left", box=box.SIMPLE_HEAD, show_edge=False, collapse_padding=True)
    for heading in ("Symbol", "Held", "Now %", "Target %", "After %", "Order", "USD", "Why"):
        is_text = heading in ("Symbol", "Why")
        table.add_column(heading, justify="left" if is_text else "right", no_wrap=heading != "Why", overflow="fold")
    values = {order.symbol: order.estimated_value for order in plan.orders}
    for line in plan.lines:
        table.add_row(
            line.symbol,
            f"{line.held + line.fraction:,}",
            _percent(line.before),
            _percent(line.target),
            _percent(line.after),
            f"{Side.BUY if line.change > 0 else Side.SELL} {abs(line.change):,}" if line.change else NOTHING,
            f"{values[line.symbol]:,}" if line.symbol in values else "",
            Text(line.reason.value),
            style=_colour(line),
        )
    found = "as close to the targets as whole shares get" if plan.is_optimal else "sized greedily"
    return Group(
        table,
        Text(f"After it: {plan.cash_after}. Drift: {plan.after.drift:.2f} %, {found}."),
        *(Text(f"Note: {note}.") for note in notes),
    )


def waiting_view(account: str, waiting: WaitingPlan) -> RenderableType:
    """A waiting plan for people: orders, breached guards, hash and expiry."""
    plan = waiting.plan
    table = Table(title=f"{account}: plan {waiting.plan_hash} on a base of {plan.base:,} USD")
    for heading in ("order", "symbol", "shares", "value (USD)", "reason"):
        table.add_column(heading, justify="right" if heading in ("shares", "value (USD)") else "left")
    for order in plan.orders:
        side = Text(order.side.value, style="red" if order.side is Side.SELL else "green")
        table.add_row(side, order.symbol, f"{order.quantity:,}", f"{order.estimated_value:,.2f}", Text(order.reason))
    after = f"After it: drift {plan.after.drift:.2f} %, {plan.cash_after}."
    notes = [f"  · breached guard: {breach}" for breach in waiting.breaches]
    expiry = f"Waits until {waiting.expires_at:%Y-%m-%d %H:%M:%S} UTC."
    return Group(table, *(Text(line) for line in (*notes, after, expiry)))


def plan_json(plan: Plan) -> dict[str, Any]:
    """Money as text, because it is exact; weights and percentages as numbers."""
    return {
        "orders": [
            {
                "symbol": order.symbol,
                "side": order.side.value,
                "quantity": order.quantity,
                "estimated_value": str(order.estimated_value),
            }
            for order in plan.orders
        ],
        "after": {
            "cash": str(plan.after.cash),
            "weights": {symbol: float(weight) for symbol, weight in plan.after.weights.items()},
            "drift": float(plan.after.drift),
        },
        "lines": [
            {
                "symbol": line.symbol,
                "held": line.held,
                "fraction": str(line.fraction),
                "change": line.change,
                "before": _number(line.before),
                "target": _number(line.target),
                "after": _number(line.after),
                "reason": line.reason.value,
                "details": line.details,
            }
            for line in plan.lines
        ],
        "base": str(plan.base),
        "reserve": str(plan.reserve),
        "idle_cash": str(plan.after.idle_cash),
        "is_optimal": plan.is_optimal,
        "plan_hash": plan.plan_hash,
        "notes": list(plan.notes),
    }


def _colour(line: PlanLine) -> str:
    if not line.change:
        return ""
    return "green" if line.change > 0 else "red"


def _percent(weight: Decimal | None) -> str:
    return NOTHING if weight is None else f"{100 * weight:.2f}"


def _number(weight: Decimal | None) -> float | None:
    return None if weight is None else float(weight)
