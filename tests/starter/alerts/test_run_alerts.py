"""What is told of a run, by how it stands or ended."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from contract.status import Status
from rebalancing.alerts import AlertKind
from rebalancing.orders.order import OrderReport, OrderState, Side
from rebalancing.outcomes import Phase
from rebalancing.triggers import EventRecord, EventRing, EventStatus, ExecutionMode
from starter.alerts.run_alerts import ended, expired, started, waits
from starter.desk.runs import Run
from tests.activities.test_alert_words import RUN

AT = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)

RUNNING = Run(
    account="DU1",
    workflow_id="rebalance-DU1",
    run_id="r1",
    strategy="blend",
    mode="rebalance",
    phase="selling",
    is_running=True,
    is_idle=False,
    started_at=AT,
    closed_at=None,
    summary=None,
)
OVER = replace(RUNNING, is_running=False, closed_at=AT)
DRY = ExecutionMode.DRY_RUN.value


@pytest.mark.parametrize(
    ("phase", "kind"),
    [
        ("completed", AlertKind.COMPLETED),
        ("incomplete", AlertKind.INCOMPLETE),
        ("cancelled", AlertKind.CANCELLED),
        ("failed", AlertKind.FAILED),
        ("terminated", AlertKind.FAILED),
        ("timed out", AlertKind.FAILED),
    ],
)
def test_how_a_run_ended_is_told(phase: str, kind: AlertKind) -> None:
    alert = ended(replace(OVER, phase=phase))
    assert alert is not None
    assert (alert.kind, alert.alert_id, alert.reason) == (kind, f"alert-{kind}-r1", f"it was {phase}")
    dry = ended(replace(OVER, phase=phase, mode=DRY))
    assert dry is not None
    assert dry.kind in (AlertKind.DRY_RUN_COMPLETED, AlertKind.DRY_RUN_FAILED)


def test_nothing_is_told_of_what_had_nothing_to_do_or_goes_on() -> None:
    assert ended(RUNNING) is None
    assert ended(replace(OVER, is_idle=True)) is None
    assert ended(replace(OVER, phase=Phase.EXPIRED.value)) is None
    assert started(OVER) is None
    assert started(replace(RUNNING, mode=DRY)) is None
    assert started(replace(RUNNING, strategy="")) is None, "it was not begun yet"


def test_orders_of_unknown_fate_are_named_and_other_ones_are_another_alert() -> None:
    def asked(*refs: str) -> Status:
        states = dict.fromkeys(refs, OrderState.UNKNOWN) | {"rb-9": OrderState.FILLED}
        orders = tuple(
            OrderReport(ref=ref, symbol="QQQ", side=Side.BUY, quantity=1, state=state) for ref, state in states.items()
        )
        return Status(account="DU1", phase=Phase.NEEDS_OPERATOR, since=AT, orders=orders)

    first, second = (waits(RUNNING, asked(*refs), AT) for refs in (("rb-1",), ("rb-1", "rb-2")))
    assert first is not None
    assert second is not None
    assert (first.refs, first.alert_id) == (("rb-1",), "alert-needs_operator-r1-rb-1")
    assert second.alert_id != first.alert_id


def test_what_went_on_meanwhile_is_not_told() -> None:
    assert waits(RUNNING, Status(account="DU1", phase=Phase.BUYING, since=AT), AT) is None
    assert waits(RUNNING, Status(account="DU1", phase=Phase.WAITING_FOR_APPROVAL, since=AT), AT) is None


def test_live_events_that_expired_in_this_run_are_told_and_those_of_earlier_ones_are_not() -> None:
    def record(event_id: str, status: EventStatus, summary: str, mode: ExecutionMode) -> EventRecord:
        return EventRecord(event_id=event_id, mode=mode, requested_at=AT, status=status, summary=summary)

    live, dry = ExecutionMode.REBALANCE, ExecutionMode.DRY_RUN
    events = EventRing(
        records=(
            record("earlier", EventStatus.EXPIRED, "", live),
            record("now", EventStatus.EXPIRED, "too old", live),
            record("dry", EventStatus.EXPIRED, "too old", dry),
            record("done", EventStatus.COMPLETED, "3 orders", live),
        )
    )
    (alert,) = expired(replace(OVER, summary=RUN), events)
    assert (alert.event, alert.alert_id) == ("now", "alert-event_expired-DU1-now")
