"""Tables about accounts, for people."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from contract.summaries import counted
from rebalancing.market.snapshot import AccountSnapshot
from rebalancing.orders.order import OrderReport, OrderState, OrderType, Side
from rebalancing.orders.slippage import in_basis_points, slippage_of
from rebalancing.outcomes import Outcome, Phase
from rebalancing.planner.plan import CASH_SYMBOL
from rebalancing.triggers import ExecutionMode

PHASE_STYLES: Final[Mapping[str, str]] = {
    Phase.COMPLETED: "bold green",
    Phase.INCOMPLETE: "bold yellow",
    Phase.FAILED: "bold red",
    Phase.CANCELLED: "bold red",
    Phase.SELLING: "magenta",
    Phase.BUYING: "cyan",
    Phase.NEEDS_OPERATOR: "bold yellow",
    Phase.HALTED: "bold yellow",
}
"""How phases look wherever they are shown; those that are not named pass by."""


def outcome_tables(outcome: Outcome) -> RenderableType:
    """What a rebalance did, or would do: weights before, target and after; orders and costs; notes and gaps."""
    title = Text(_title(outcome), style="bold yellow" if outcome.missing else "bold")
    parts: list[RenderableType] = [title, weights_table(outcome)]
    if outcome.orders:
        parts.append(orders_table(outcome.orders, outcome.arrival_prices))
    if costs := _costs(outcome):
        parts.append(Text(costs))
    parts += [Text(f"  · {note}") for note in outcome.notes]
    parts += [
        Text(f"  · {gap.symbol}: {gap.reason}", style="" if gap.is_explained else "bold yellow")
        for gap in outcome.gaps
        if gap.symbol != CASH_SYMBOL
    ]
    parts += [Text(f"  · not managed: {item}") for item in outcome.unmanaged]
    return Group(*parts)


def weights_table(outcome: Outcome) -> Table:
    """Weights in percent of the base."""
    after = "after" if outcome.mode is ExecutionMode.REBALANCE else "would be"
    table = Table()
    for heading in ("symbol", "before %", "target %", f"{after} %", "off by"):
        table.add_column(heading, justify="left" if heading == "symbol" else "right")
    symbols = {*outcome.weights_before, *outcome.target_weights, *outcome.weights_after}
    for symbol in sorted(symbols, key=lambda name: (name == CASH_SYMBOL, name)):
        target, achieved = _weight(outcome.target_weights, symbol), _weight(outcome.weights_after, symbol)
        before = _weight(outcome.weights_before, symbol)
        table.add_row(symbol, _percent(before), _percent(target), _percent(achieved), _off(achieved - target))
    return table


def orders_table(reports: Iterable[OrderReport], arrival_prices: Mapping[str, Decimal] | None = None) -> Table:
    """Orders with what became of them; money in US dollars, slippage in basis points of the arrival price."""
    table = Table()
    for heading in ("order", "symbol", "filled", "price", "slippage bp", "commission", "state"):
        table.add_column(heading, justify="left" if heading in ("order", "symbol", "state") else "right")
    for report in reports:
        side = Text(_order(report), style="red" if report.side is Side.SELL else "green")
        state = Text(report.state.value, style="" if report.state is OrderState.FILLED else "bold yellow")
        reason = f" {report.reason}" if report.reason else ""
        table.add_row(
            side,
            report.symbol,
            f"{report.filled}/{report.quantity}",
            f"{report.average_price:,.2f}",
            _slipped(report, (arrival_prices or {}).get(report.symbol)),
            f"{report.commission:.2f}",
            Text.assemble(state, reason),
        )
    return table


def _order(report: OrderReport) -> str:
    """The side, and what kind of order it was if not simply at market."""
    if report.order_type is OrderType.MARKET:
        return report.side.value
    limit = "" if report.limit_price is None else f" {report.limit_price:,.2f}"
    return f"{report.side.value} {report.order_type.value}{limit}"


def positions_table(snapshot: AccountSnapshot) -> Table:
    """What an account holds, in whole shares and US dollars."""
    table = Table(show_footer=True)
    table.add_column("symbol", "net liquidation")
    for heading in ("shares", "price", "value", "share %"):
        footer = {"value": _money(snapshot.net_liquidation)}.get(heading, "")
        table.add_column(heading, footer, justify="right")
    for symbol, shares in sorted(snapshot.positions.items()):
        price = snapshot.prices.get(symbol)
        value = None if price is None else shares * price
        table.add_row(symbol, f"{shares:,}", _money(price), _money(value), _share(value, snapshot.net_liquidation))
    table.add_row("cash", "", "", _money(snapshot.cash), _share(snapshot.cash, snapshot.net_liquidation))
    for item in snapshot.unmanaged:
        table.add_row(Text(f"not managed: {item}", style="dim"))
    return table


def _title(outcome: Outcome) -> str:
    seconds = (outcome.finished_at - outcome.started_at).total_seconds()
    drift = "" if outcome.drift is None else f", drift {outcome.drift:.2f} %"
    done = "INCOMPLETE, rebalanced only in part" if outcome.missing else "rebalanced"
    about = f"{outcome.account} · {outcome.strategy}"
    if outcome.mode is ExecutionMode.DRY_RUN:
        planned = counted(len(outcome.plan.orders) if outcome.plan else 0, "order")
        return f"{about} · dry run, nothing was traded{drift}, {planned} would be sent, {seconds:.1f} s"
    return (
        f"{about} · {done}{drift}, "
        f"{len(outcome.orders)} orders, commissions {outcome.commissions:.2f} USD, {seconds:.1f} s"
    )


def _costs(outcome: Outcome) -> str:
    """Slippage and cash, as far as they are known."""
    told: list[str] = []
    if outcome.slippage is not None:
        slippage = outcome.slippage
        told.append(
            f"slippage {slippage.amount:,.2f} USD ({slippage.basis_points:.1f} bp of {slippage.traded:,.2f} USD "
            "at the prices of the plan)"
        )
    if outcome.cash is not None:
        told.append(f"{outcome.cash}{_moved_reserve(outcome)}")
    return "\n".join(f"  {line}" for line in told)


def _moved_reserve(outcome: Outcome) -> str:
    """The reserve is a share of what the account is worth: it grows with prices after the buys were sized."""
    cash, plan = outcome.cash, outcome.plan
    if cash is None or plan is None or not plan.reserve <= cash.cash < cash.reserve:
        return ""
    return f", which was {plan.reserve:,.2f} when it was planned"


def _slipped(report: OrderReport, arrival_price: Decimal | None) -> str:
    if arrival_price is None or not report.filled:
        return "–"
    return f"{in_basis_points(slippage_of(report, arrival_price), report.filled * arrival_price):+.1f}"


def _weight(weights: Mapping[str, Decimal], symbol: str) -> Decimal:
    return weights.get(symbol, Decimal(0))


def _percent(weight: Decimal) -> str:
    return f"{100 * weight:.2f}" if weight else "–"


def _off(difference: Decimal) -> str:
    text = f"{100 * difference:+.2f}"
    return "0.00" if text in ("+0.00", "-0.00") else text


def _money(amount: Decimal | None) -> str:
    return "–" if amount is None else f"{amount:,.2f}"


def _share(value: Decimal | None, whole: Decimal | None) -> str:
    return "–" if value is None or whole is None or whole <= 0 else f"{100 * value / whole:.2f}"
