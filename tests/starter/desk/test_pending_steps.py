"""What a rebalance waits for, and its place among those that wait for the same."""

from datetime import UTC, datetime, timedelta

from contract.names import TURNS_QUEUE
from contract.priority import BEGINNING, FINISHING
from starter.desk.pending_steps import PendingStep, positions

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)


def step(
    minutes: int, priority: int = BEGINNING, queue: str = "ibkr", attempt: int = 1, failure: str = ""
) -> PendingStep:
    """A step that is queued since so many minutes after noon."""
    since = NOON + timedelta(minutes=minutes)
    return PendingStep("read_snapshot", queue, since, attempt, is_queued=True, priority=priority, failure=failure)


def test_what_finishes_a_rebalance_goes_before_what_begins_one_and_then_the_first_comer() -> None:
    found = positions({"DU1": [step(2)], "DU2": [step(1)], "DU3": [step(3, FINISHING)]})
    assert found == {"DU3": 1, "DU2": 2, "DU1": 3}


def test_each_queue_has_its_own_places() -> None:
    assert positions({"DU1": [step(1)], "DU2": [step(2, queue="ibkr-east")]}) == {"DU1": 1, "DU2": 1}


def test_what_is_at_work_or_backs_off_after_a_failure_is_in_no_queue() -> None:
    at_work = PendingStep("read_snapshot", "ibkr", NOON, 1, is_queued=False, priority=BEGINNING)
    backing_off = step(0, attempt=2, failure="GatewayUnavailable: away")
    assert positions({"DU1": [at_work], "DU2": [backing_off], "DU3": [step(5)]}) == {"DU3": 1}


def test_a_turn_is_waited_for_however_often_it_was_asked_for() -> None:
    assert positions({"DU1": [step(1, queue=TURNS_QUEUE, attempt=3)]}) == {"DU1": 1}


def test_an_error_that_is_retried_is_told_with_the_attempt_and_since_when() -> None:
    told = str(step(0, attempt=4, failure="GatewayUnavailable: no gateway at 127.0.0.1:4002"))
    assert told == (
        "read_snapshot: attempt 4 since 2026-11-27 12:00:00 UTC; last error: GatewayUnavailable: no gateway at "
        "127.0.0.1:4002"
    )
    assert str(step(0)) == "read_snapshot: queued since 2026-11-27 12:00:00 UTC"
