"""Promise P1 from outside: an account has one workflow, and the worker does nothing for any other."""

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio import workflow
from temporalio.client import (
    ActivityFailureError,
    Client,
    Schedule,
    ScheduleActionExecutionStartWorkflow,
    ScheduleActionStartWorkflow,
    ScheduleSpec,
    WorkflowExecutionStatus,
    WorkflowFailureError,
)
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, ChildWorkflowError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.callers import accounts_of
from contract.requests import (
    AcknowledgeRequest,
    CancelOpenRequest,
    ContractsRequest,
    IntentsRequest,
    PlaceRequest,
    PrepareRequest,
    SnapshotRequest,
)
from rebalancing.errors import CallerRefused
from rebalancing.freshness import Figures
from rebalancing.funding.margin_preview import MarginQuestions, MarginRequest, WhatIfOrder
from rebalancing.orders.order import Intent, LegOrder, Side
from rebalancing.outcomes import Phase
from testbed.waiting import until
from tests.house import TRADING, Holding, House, failure_of, house, phase_reached
from workflows.rebalance_account import RebalanceAccount

TRIGGER = {
    "account": "DU1",
    "event_id": "e",
    "mode": "rebalance",
    "source": "test",
    "requested_at": datetime.now(UTC).isoformat(),
}
START = {"account": "DU1", "triggers": [TRIGGER]}
"""What a run that trades may be started with by hand."""

NOW = datetime.now(UTC)
FIGURES = Figures(connection="c", taken_at=NOW, fresh_until=NOW + timedelta(hours=1), position=0)
ORDER = LegOrder(ref="forged-1", account="DU1", symbol="QQQ", con_id=1, side=Side.BUY, quantity=1, figures=FIGURES)
INTENT = Intent(**ORDER.model_dump(), order_id=100, trading_day="20261124")
WHAT_IF = WhatIfOrder(symbol="QQQ", con_id=1, side=Side.BUY, quantity=1)
READING = SnapshotRequest(account="DU1")

REQUESTS: dict[tuple[str, str], Any] = {
    ("ibkr", "read_snapshot"): READING,
    ("ibkr", "place_leg"): PlaceRequest(intents=(INTENT,), never_sent=True),
    ("ibkr", "reprice_leg"): (INTENT,),
    ("ibkr", "cancel_orders"): IntentsRequest(intents=(INTENT,), timeout=1),
    ("ibkr", "cancel_open_orders"): CancelOpenRequest(account="DU1", timeout=1),
    ("ibkr", "ask_margin"): MarginRequest(account="DU1", orders=(WHAT_IF,)),
    ("ibkr-fills", "read_pushed"): READING,
    ("ibkr-fills", "prepare_leg"): PrepareRequest(orders=(ORDER,)),
    ("ibkr-fills", "acknowledge_leg"): AcknowledgeRequest(intents=(), timeout=1, reading=READING),
    ("ibkr-fills", "await_fills"): IntentsRequest(intents=(INTENT,), timeout=1),
    ("ibkr-fills", "margin_answers"): MarginQuestions(account="DU1", orders=(), ids=()),
}
"""Everything that can be asked of the gateway for DU1."""


@workflow.defn
class Forged:
    """Asks for an activity as if it were a rebalance."""

    @workflow.run
    async def run(self, queue: str, name: str, request: Any) -> None:
        """Ask."""
        await workflow.execute_activity(
            name,
            request,
            task_queue=queue,
            start_to_close_timeout=timedelta(seconds=20),
            retry_policy=RetryPolicy(maximum_attempts=1),
        )


@workflow.defn
class Parent:
    """Has a rebalance as its child."""

    @workflow.run
    async def run(self, child_id: str) -> None:
        """Start it."""
        await workflow.execute_child_workflow("RebalanceAccount", START, id=child_id, task_queue="rebalances")


@asynccontextmanager
async def strangers(client: Client) -> AsyncGenerator[None]:
    """A worker for workflows of somebody else."""
    runner = UnsandboxedWorkflowRunner()
    async with Worker(client, task_queue="elsewhere", workflows=[Forged, Parent], workflow_runner=runner):
        yield


def refused(own: House, account: str) -> bool:
    """Whether nothing was ever traded for this account."""
    sent = [request for request in own.gateway.requests if request.name in TRADING and request.account == account]
    return sent == [] and own.accepted_orders(account) == []


async def test_a_second_workflow_beside_the_running_one_fails_at_once_and_says_how_to_trigger() -> None:
    async with house({"DU1": Holding()}, latency={"fill": (0.6, 0.6)}) as own:
        handle = await own.trigger("DU1")
        await phase_reached(own.handle("DU1"), Phase.BUYING)
        second = await own.client.start_workflow("RebalanceAccount", START, id="by-hand", task_queue="rebalances")
        error = await failure_of(second)
        assert error.type == "WorkflowIdWrong"
        assert "by-hand" in error.message
        assert "`rebalancer run DU1`" in error.message
        assert "signal-with-start --type RebalanceAccount" in error.message
        assert (await handle.result()).outcome is not None
        assert len(own.accepted_orders("DU1")) == 3
        history = await second.fetch_history()
        assert not any(event.HasField("marker_recorded_event_attributes") for event in history.events)


async def test_a_schedule_which_appends_a_time_to_the_id_rebalances_nothing() -> None:
    async with house({"DU1": Holding()}) as own:
        action = ScheduleActionStartWorkflow("RebalanceAccount", START, id="rebalance-DU1", task_queue="rebalances")
        schedule = await own.client.create_schedule("daily", Schedule(action=action, spec=ScheduleSpec()))
        await schedule.trigger()
        while not (started := (await schedule.describe()).info.recent_actions):  # noqa: ASYNC110  # the server's state
            await asyncio.sleep(0.05)
        action_taken = started[0].action
        assert isinstance(action_taken, ScheduleActionExecutionStartWorkflow)
        run = own.client.get_workflow_handle(action_taken.workflow_id)
        assert (await failure_of(run)).type == "WorkflowIdWrong"
        assert refused(own, "DU1")


@pytest.mark.parametrize(
    ("workflow_id", "account"),
    [("rebalance-DU1", "DU2"), ("rebalance-DU2-1", "DU2"), ("Rebalance-DU2", "DU2"), ("rebalance-DU2 ", "DU2")],
)
async def test_no_other_workflow_id_rebalances_an_account(workflow_id: str, account: str) -> None:
    async with house({"DU1": Holding(), "DU2": Holding()}) as own:
        start = {"account": account, "triggers": [{**TRIGGER, "account": account}]}
        handle = await own.client.start_workflow("RebalanceAccount", start, id=workflow_id, task_queue="rebalances")
        assert (await failure_of(handle)).type == "WorkflowIdWrong"
        assert refused(own, "DU1")
        assert refused(own, "DU2")


@pytest.mark.parametrize("account", ["du1", "DU1 ", "DU1\n", "", "*", "ＤＵ1", "DU1' OR WorkflowId != '"])
async def test_what_is_no_name_of_an_account_fails_at_once_under_its_very_own_id_too(account: str) -> None:
    async with house({"DU1": Holding()}) as own:
        start = {"account": account, "triggers": [{**TRIGGER, "account": account}]}
        handle = await own.client.start_workflow(
            "RebalanceAccount", start, id=f"rebalance-{account}", task_queue="rebalances"
        )

        async def is_over() -> bool:
            return (await handle.describe()).status is WorkflowExecutionStatus.FAILED

        await until(is_over)  # it may be before its result is waited for, which was seen not to be told then
        assert re.search(r"account|is not in the configuration", (await failure_of(handle)).message)
        assert refused(own, "DU1")


async def test_a_run_is_not_started_by_the_trigger_of_another_account() -> None:
    async with house({"DU1": Holding(), "DU2": Holding()}) as own:
        start = {"account": "DU1", "triggers": [{**TRIGGER, "account": "DU2"}]}
        handle = await own.client.start_workflow("RebalanceAccount", start, id="rebalance-DU1", task_queue="rebalances")
        assert (await failure_of(handle)).type == "TriggerInvalid"
        assert refused(own, "DU1")


def test_every_account_that_a_request_is_about_is_looked_at() -> None:
    other = INTENT.model_copy(update={"account": "DU2"})
    assert set(accounts_of(PlaceRequest(intents=(INTENT, other)))) == {"DU1", "DU2"}
    assert set(accounts_of((ORDER, other))) == {"DU1", "DU2"}
    assert set(accounts_of(AcknowledgeRequest(intents=(other,), timeout=1, reading=READING))) == {"DU1", "DU2"}
    with pytest.raises(CallerRefused):
        list(accounts_of({"account": "DU1"}))


async def test_a_child_workflow_rebalances_nothing() -> None:
    async with house({"DU1": Holding()}) as own, strangers(own.client):
        with pytest.raises(WorkflowFailureError) as failure:
            await own.client.execute_workflow("Parent", "a-child", id="parent", task_queue="elsewhere")
        assert isinstance(failure.value.cause, ChildWorkflowError)
        assert isinstance(failure.value.cause.cause, ApplicationError)
        assert failure.value.cause.cause.type == "WorkflowIdWrong"
        assert refused(own, "DU1")


async def test_the_worker_serves_no_workflow_but_the_accounts_own() -> None:
    async with house({"DU1": Holding(), "DU2": Holding()}) as own, strangers(own.client):
        for (queue, name), request in REQUESTS.items():
            # Another type under the right id, and another id.
            for workflow_id in ("rebalance-DU1", "rebalance-DU2"):
                with pytest.raises(WorkflowFailureError) as failure:
                    await own.client.execute_workflow(
                        "Forged", args=[queue, name, request], id=workflow_id, task_queue="elsewhere"
                    )
                assert isinstance(failure.value.cause, ActivityError)
                error = failure.value.cause.cause
                assert isinstance(error, ApplicationError)
                assert (name, error.type) == (name, "CallerRefused")
                assert "rebalance-DU1" in error.message
        assert refused(own, "DU1")


async def test_no_workflow_may_have_contracts_read_ahead() -> None:
    async with house({"DU1": Holding()}) as own, strangers(own.client):
        with pytest.raises(WorkflowFailureError) as failure:
            await own.client.execute_workflow(
                "Forged",
                args=["ibkr", "read_contracts", ContractsRequest(symbols=("QQQ",))],
                id="rebalance-DU1",
                task_queue="elsewhere",
            )
        assert isinstance(failure.value.cause, ActivityError)
        assert isinstance(failure.value.cause.cause, ApplicationError)
        assert failure.value.cause.cause.type == "CallerRefused"


async def test_outside_of_any_workflow_an_account_is_read_its_orders_cancelled_and_nothing_else() -> None:
    async def ask(own: House, queue: str, name: str) -> Any:
        return await own.client.execute_activity(
            name,
            REQUESTS[queue, name],
            id=name,
            task_queue=queue,
            start_to_close_timeout=timedelta(seconds=20),
            retry_policy=RetryPolicy(maximum_attempts=1),
        )

    async with house({"DU1": Holding()}) as own:
        for queue, name in REQUESTS:
            if name == "read_snapshot":
                assert (await ask(own, queue, name))["account"] == "DU1"
                continue
            if name == "cancel_open_orders":
                assert await ask(own, queue, name) == []
                continue
            with pytest.raises(ActivityFailureError) as failure:
                await ask(own, queue, name)
            assert isinstance(failure.value.cause, ApplicationError)
            assert (name, failure.value.cause.type) == (name, "CallerRefused")
        assert refused(own, "DU1")


@pytest.mark.parametrize("names_account", [True, False])
async def test_an_event_for_the_account_whose_id_a_foreign_run_took_is_carried_out(*, names_account: bool) -> None:
    async with house({"DU1": Holding(), "DU2": Holding()}, workers=0) as own:
        # Both before any worker looks: the accepted event is in the history of the run that must not be.
        start = {"account": "DU2", "triggers": [{**TRIGGER, "account": "DU2"}]}
        await own.client.start_workflow("RebalanceAccount", start, id="rebalance-DU1", task_queue="rebalances")
        sent = TRIGGER if names_account else {"event_id": "e", "mode": "rebalance"}
        await own.client.get_workflow_handle("rebalance-DU1").signal("trigger", sent)
        async with own.working():
            result = await own.client.get_workflow_handle_for(RebalanceAccount.run, "rebalance-DU1").result()
        assert result.outcome is not None
        assert result.outcome.account == "DU1"
        assert result.outcome.event_ids == ("e",)
        assert own.accepted_orders("DU1")
        assert refused(own, "DU2")


async def test_a_signal_to_an_id_that_is_no_accounts_does_not_keep_the_run_from_saying_so() -> None:
    async with house({"DU1": Holding()}, workers=0) as own:
        handle = await own.client.start_workflow(
            "RebalanceAccount", START, id="rebalance-DU1-2026-11-24T15:00:00Z", task_queue="rebalances"
        )
        await handle.signal("trigger", {"event_id": "e", "mode": "rebalance"})
        async with own.working():
            assert (await failure_of(handle)).type == "WorkflowIdWrong"
        assert refused(own, "DU1")
