"""What is to be told of one run: that it began, what it waits for, how it ended. Pure, from what the server lists."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from contract.alerts import Alert, alert_id
from contract.status import Status
from rebalancing.alerts import AlertKind
from rebalancing.orders.order import OrderState
from rebalancing.outcomes import Phase
from rebalancing.triggers import EventRing, EventStatus, ExecutionMode
from starter.desk.runs import Run

ASKED_ABOUT: Final = {
    Phase.WAITING_FOR_MARKET.value: AlertKind.WAITS_FOR_OPEN,
    Phase.WAITING_FOR_APPROVAL.value: AlertKind.NEEDS_APPROVAL,
    Phase.NEEDS_OPERATOR.value: AlertKind.NEEDS_OPERATOR,
}
"""Phases of which the run itself must tell more than the server lists."""

_ENDED: Final = {
    Phase.COMPLETED.value: AlertKind.COMPLETED,
    Phase.INCOMPLETE.value: AlertKind.INCOMPLETE,
    Phase.CANCELLED.value: AlertKind.CANCELLED,
}


def started(run: Run) -> Alert | None:
    """That it began, where it trades."""
    if not run.is_running or not run.is_live or not run.strategy:
        return None
    return _alert(run, AlertKind.STARTED, run.started_at, since=run.started_at)


def ended(run: Run) -> Alert | None:
    """How it ended; ``None`` where it had nothing to do, or its events had expired, which is told for each."""
    if run.is_running or run.is_idle or run.closed_at is None or run.phase == Phase.EXPIRED:
        return None
    if run.mode == ExecutionMode.DRY_RUN:
        kind = AlertKind.DRY_RUN_COMPLETED if run.phase in _ENDED else AlertKind.DRY_RUN_FAILED
    else:
        kind = _ENDED.get(run.phase, AlertKind.FAILED)
    reason = run.summary.reason if run.summary else f"it was {run.phase}"
    return _alert(run, kind, run.closed_at, reason=reason, run=run.summary, since=run.started_at)


def expired(run: Run, events: EventRing) -> Iterator[Alert]:
    """Its live events that were too old to be traded by: those of which the memo still says why."""
    for record in events.records:
        is_new = record.status is EventStatus.EXPIRED and record.summary
        if is_new and record.mode is ExecutionMode.REBALANCE and run.closed_at:
            alert = _alert(
                run, AlertKind.EVENT_EXPIRED, run.closed_at, event=record.event_id, since=record.requested_at
            )
            own_id = alert_id(AlertKind.EVENT_EXPIRED, run.account, record.event_id)
            yield alert.model_copy(update={"alert_id": own_id, "reason": record.summary})


def waits(run: Run, status: Status, at: datetime) -> Alert | None:
    """What it waits for, by its own word; ``None`` where it goes on by now, or is a dry run."""
    kind = ASKED_ABOUT.get(status.phase.value)
    if kind is None or not run.is_live:
        return None
    alert = _alert(run, kind, at, detail=status.detail, since=status.since)
    if kind is AlertKind.NEEDS_APPROVAL:
        if (plan := status.waiting_plan) is None:
            return None
        about, more = plan.plan_hash, {"plan_hash": plan.plan_hash, "until": plan.expires_at}
    elif kind is AlertKind.NEEDS_OPERATOR:
        refs = tuple(order.ref for order in status.orders if order.state is OrderState.UNKNOWN)
        about, more = "+".join(refs)[:500], {"refs": refs}
    else:
        return alert
    return alert.model_copy(update={"alert_id": alert_id(kind, run.run_id, about), **more})


def slow(run: Run, since: datetime, at: datetime) -> Alert:
    """That it has been at work for long."""
    return _alert(run, AlertKind.SLOW, at, detail=run.phase, since=since)


def _alert(of: Run, kind: AlertKind, at: datetime, **more: object) -> Alert:
    return Alert.model_validate(
        {
            "alert_id": alert_id(kind, of.run_id),
            "kind": kind,
            "at": at,
            "account": of.account,
            "strategy": of.strategy,
            "workflow_id": of.workflow_id,
            "run_id": of.run_id,
            **more,
        }
    )
