"""What a run adds to the metrics, once: Temporal's meter for workflows does not count again on replay.

Phases are entered by one door (``RunState.enter``), and runs close by one (``AccountMemory``): both call here. Nothing
in here is a command, so that histories of before it replay.
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from temporalio import workflow

from contract import metrics
from contract.run_summary import RunSummary
from rebalancing.orders.order import OrderReport
from rebalancing.outcomes import Phase
from rebalancing.triggers import ExecutionMode


def phase_left(phase: Phase, since: datetime) -> None:
    """A run was in this phase until now."""
    metrics.PHASE_SECONDS.record(workflow.metric_meter(), _seconds_since(since), phase=phase.value)


def first_order(asked_at: datetime) -> None:
    """The first order of a run is at the broker; the event was published then."""
    metrics.EVENT_TO_FIRST_ORDER.record(workflow.metric_meter(), _seconds_since(asked_at))


def done(mode: ExecutionMode, outcome: Phase, asked_at: datetime) -> None:
    """A run is over; the first of the events that it was for was published then."""
    seconds = _seconds_since(asked_at)
    metrics.EVENT_TO_DONE.record(workflow.metric_meter(), seconds, mode=mode.value, outcome=outcome.value)


def ended(account: str, summary: RunSummary) -> None:
    """What became of a run."""
    meter = workflow.metric_meter()
    metrics.REBALANCES.add(meter, account=account, mode=summary.mode.value, outcome=summary.phase.value)
    if summary.failure:
        metrics.FAILURES.add(meter, account=account, failure=summary.failure)
    if summary.failure in metrics.TIME_OUTS:
        metrics.TIMEOUTS.add(meter, account=account, cause=summary.failure)
    for when, drift in (("before", summary.drift_before), ("after", summary.drift_after)):
        if drift is not None:
            metrics.DRIFT.set(meter, float(drift), account=account, when=when)
    metrics.COMMISSIONS.add(meter, _cents(summary.commissions), account=account)
    if summary.slippage is not None:
        metrics.SLIPPAGE_COST.add(meter, _cents(summary.slippage), account=account)
        metrics.SLIPPAGE_SAVED.add(meter, _cents(-summary.slippage), account=account)


def traded(account: str, reports: Iterable[OrderReport]) -> None:
    """What the orders of a run that is over came to."""
    for report in reports:
        value = _cents(report.filled * report.average_price)
        metrics.TRADED.add(workflow.metric_meter(), value, account=account, side=report.side.value)


def _seconds_since(moment: datetime) -> float:
    return (workflow.now() - moment).total_seconds()


def _cents(amount: Decimal) -> int:
    return round(amount * 100)
