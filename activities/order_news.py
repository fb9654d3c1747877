"""One line in the log for whatever becomes of an order, with account and reason; what has become of it is counted."""

import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final, cast

from temporalio import activity
from temporalio.worker import ExecuteActivityInput

from activities.interception import Around
from contract import metrics
from contract.requests import Acknowledgement
from rebalancing.orders.order import OrderReport, OrderState

log = logging.getLogger(__name__)

REMEMBERED: Final = 5000
"""Orders whose last line is remembered, so that nothing is said twice: far more than work at any time."""


class OrderNews(Around):
    """Worker interceptor that logs and counts what the activities report of orders, once.

    That one was sent is logged there.
    """

    def __init__(self) -> None:
        self._told: OrderedDict[str, tuple[OrderState, int]] = OrderedDict()

    async def around(self, _input: ExecuteActivityInput, run: Callable[[], Awaitable[Any]], /) -> Any:
        """Run the activity, and log what its result says."""
        result = await run()
        reports: object = result.reports if isinstance(result, Acknowledgement) else result
        if isinstance(reports, tuple):
            self.tell(each for each in cast("tuple[object, ...]", reports) if isinstance(each, OrderReport))
        return result

    def tell(self, reports: Iterable[OrderReport]) -> None:
        """Log those that say something new."""
        for report in reports:
            news = report.state, report.filled
            if report.state is OrderState.NOT_SENT or self._told.get(report.ref, (OrderState.WORKING, 0)) == news:
                continue
            self._told[report.ref] = news
            if len(self._told) > REMEMBERED:
                self._told.popitem(last=False)
            is_fine = report.state in (OrderState.WORKING, OrderState.FILLED)
            log.log(logging.INFO if is_fine else logging.WARNING, "%s: %s", _account(), line_of(report))
            if report.state is not OrderState.WORKING:
                side, state = report.side.value, report.state.value
                metrics.ORDERS.add(metrics.process_meter(), account=_account(), side=side, state=state)


def line_of(report: OrderReport) -> str:
    """What became of an order, in one line."""
    order = f"{report.side} {report.quantity} {report.symbol}"
    fills = f"{report.filled} filled at {report.average_price:.2f}, commission {report.commission:.2f}"
    reason = f": {report.reason}" if report.reason else ""
    return f"{order} {report.state}, {fills if report.filled else '0 filled'} ({report.ref}){reason}"


def _account() -> str:
    """The workflow that asks has the account's name."""
    return (activity.info().workflow_id or "").removeprefix("rebalance-")
