"""What a run's history tells, from recorded ones."""

from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory

from chaos.evidence import Run
from chaos.histories import run_of
from rebalancing.orders.order import OrderState

RECORDED = Path(__file__).parent.parent / "workflows" / "histories" / "0.1.0"


def recorded(name: str) -> Run:
    """A recorded run."""
    history = WorkflowHistory.from_json("rebalance-DU1", (RECORDED / f"{name}.json").read_text(encoding="utf-8"))
    return run_of("DU1", "the-run", history.events)


def test_a_completed_run_tells_its_intents_its_reports_its_events_and_its_outcome() -> None:
    run = recorded("completed")
    assert run.status == "completed"
    assert run.outcome is not None
    assert run.intents == {order.ref for order in run.outcome.orders}
    assert run.reports == {order.ref: order for order in run.outcome.orders}
    assert all(report.state is OrderState.FILLED for report in run.reports.values())
    assert run.carried == {"event-1"}


def test_a_run_that_was_continued_has_carried_its_events_out_although_it_leaves_no_outcome() -> None:
    run = recorded("continued")
    assert run.status == "continued"
    assert run.outcome is None
    assert run.carried


def test_a_failed_run_tells_why_and_has_carried_nothing_out() -> None:
    run = recorded("failed")
    assert (run.status, run.carried, run.outcome) == ("failed", frozenset(), None)
    assert run.failure


@pytest.mark.parametrize("events", [1, 10])
def test_a_run_that_is_not_over_is_running(events: int) -> None:
    history = WorkflowHistory.from_json("x", (RECORDED / "completed.json").read_text(encoding="utf-8"))
    assert run_of("DU1", "the-run", history.events[:events]).status == "running"
