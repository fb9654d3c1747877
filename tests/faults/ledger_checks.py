"""What the gateway's own ledger says afterwards, whatever the application believes."""

from collections import Counter
from decimal import Decimal

from rebalancing.orders.order import OrderReport
from simulator.gateway.engine import Engine


def placed_at_most_once(engine: Engine) -> None:
    """No order ref was accepted twice."""
    twice = [ref for ref, times in Counter(order.ref for order in engine.orders).items() if times > 1]
    assert twice == [], f"ordered twice: {twice}"


def never_overspent(engine: Engine, account: str, cash: str) -> None:
    """The account's cash never went below zero, execution by execution."""
    left = Decimal(cash)
    for execution in (each for each in engine.executions if each.account == account):
        value = execution.quantity * execution.price
        left += (value if execution.side == "SLD" else -value) - execution.commission
        assert left >= 0, f"overspent by {-left} at {execution.exec_id}"


def reported_as_it_is(engine: Engine, account: str, before: dict[str, int], reports: tuple[OrderReport, ...]) -> None:
    """Every order that was accepted is known, and holdings are what the reported fills make of those before."""
    known = {report.ref for report in reports}
    orders = [order for order in engine.orders if order.account == account and order.ref in known]
    assert {(order.ref, order.filled) for order in orders} <= {(report.ref, report.filled) for report in reports}
    holdings = Counter(before)
    for report in reports:
        holdings[report.symbol] += report.filled if report.side == "BUY" else -report.filled
    assert engine.accounts[account].positions == {symbol: shares for symbol, shares in holdings.items() if shares}
    left_over = [order.ref for order in engine.orders if order.account == account and order.is_working]
    assert left_over == [], f"still working: {left_over}"
