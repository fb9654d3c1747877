"""The fills of runs, one line each, for spreadsheets; an order without fills has a line too."""

from collections.abc import Iterator
from typing import Final

from rebalancing.orders.order import Fill
from rebalancing.orders.slippage import slippage_of
from starter.desk.show import RunDetails

COLUMNS: Final[tuple[str, ...]] = (
    "account",
    "strategy",
    "run_id",
    "mode",
    "started_at",
    "finished_at",
    "run_outcome",
    "ref",
    "symbol",
    "side",
    "order_type",
    "quantity",
    "filled",
    "average_price",
    "commission",
    "arrival_price",
    "slippage",
    "state",
    "reason",
    "exec_id",
    "fill_shares",
    "fill_price",
    "fill_commission",
)


def order_lines(details: RunDetails) -> Iterator[dict[str, object]]:
    """The orders of one run, each as often as it has fills; what is not of a fill is of its whole order.

    Prices, commissions and slippage in US dollars, times in ISO 8601.
    """
    run = details.run
    prices = details.outcome.arrival_prices if details.outcome else {}
    for order in details.orders:
        arrival = prices.get(order.symbol)
        line: dict[str, object] = {
            "account": run.account,
            "strategy": run.strategy,
            "run_id": run.run_id,
            "mode": run.mode,
            "started_at": run.started_at.isoformat(),
            "finished_at": run.closed_at.isoformat() if run.closed_at else "",
            "run_outcome": run.phase,
            "ref": order.ref,
            "symbol": order.symbol,
            "side": order.side.value,
            "order_type": order.order_type.value,
            "quantity": order.quantity,
            "filled": order.filled,
            "average_price": order.average_price,
            "commission": order.commission,
            "arrival_price": "" if arrival is None else arrival,
            "slippage": "" if arrival is None else slippage_of(order, arrival),
            "state": order.state.value,
            "reason": order.reason,
        }
        yield from ({**line, **_of_fill(fill)} for fill in order.fills or (None,))


def _of_fill(fill: Fill | None) -> dict[str, object]:
    if fill is None:
        return dict.fromkeys(COLUMNS[-4:], "")
    return {
        "exec_id": fill.exec_id,
        "fill_shares": fill.shares,
        "fill_price": fill.price,
        "fill_commission": fill.commission,
    }
