"""Counts what goes to the gateway and what fills there, as it happens, and puts both into the trace they belong to."""

from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from activities.gateway.ledger import Execution
from contract import metrics
from contract.tracing import Traces, is_traced
from rebalancing.orders.order import Intent, Side

OURS: Final = "rb-"
"""How the refs of our orders begin; the run that placed one follows."""

REMEMBERED: Final = 1000
"""Runs whose first sale is remembered."""


class TradeCounts:
    """Of one connection. What filled while there was none is not counted: the outcome of the rebalance has it."""

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._clock = clock
        self._traces = Traces()
        self._sold_at: OrderedDict[str, datetime] = OrderedDict()

    def note_sent(self, intent: Intent) -> None:
        """An order was written to the gateway."""
        if not _is_kept():
            return
        metrics.ORDERS_SENT.add(
            metrics.process_meter(),
            account=intent.account,
            side=intent.side.value,
            order_type=intent.order_type.value,
        )
        self._traces.note_sent(
            intent.ref,
            account=intent.account,
            symbol=intent.symbol,
            side=intent.side.value,
            quantity=str(intent.quantity),
        )

    def note_fill(self, ref: str, execution: Execution) -> None:
        """The gateway told an execution; those of others are not counted."""
        if not _is_kept() or not ref.startswith(OURS) or execution.side not in list(Side):
            return
        metrics.FILLS.add(metrics.process_meter(), account=execution.account, side=execution.side)
        told = {"account": execution.account, "shares": str(execution.shares), "price": str(execution.price)}
        self._traces.note_back(ref, "fill", **told)
        run, now = ref.split("-")[1], self._clock()
        if execution.side == Side.SELL:
            self._sold_at.setdefault(run, now)
            if len(self._sold_at) > REMEMBERED:
                self._sold_at.popitem(last=False)
        elif run in self._sold_at:
            seconds = (now - self._sold_at[run]).total_seconds()
            metrics.OUT_OF_MARKET.set(metrics.process_meter(), seconds, account=execution.account)


def _is_kept() -> bool:
    """Whether anybody is told of it; hundreds of fills come at once, and nothing else may wait for that."""
    return metrics.is_measured() or is_traced()
