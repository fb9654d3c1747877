"""What whoever reaches Temporal without the key may try: each try is refused in words, and no order is sent (P10)."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from temporalio import workflow
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionExecutionStartWorkflow,
    ScheduleActionStartWorkflow,
    ScheduleSpec,
    WorkflowFailureError,
    WorkflowUpdateFailedError,
)
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from configuration.key_ring import KeyRing, make_key_file
from contract.messages import Resolution
from contract.requests import OpeningRequest, PlaceRequest, RepriceRequest
from contract.schedules import Delivery, ScheduledRequest
from rebalancing.approval import Approval
from rebalancing.funding.margin_preview import MarginRequest
from rebalancing.outcomes import Phase
from rebalancing.triggers import ExecutionMode, Trigger
from starter.desk.sealing import sealed_approval, sealed_resolution, sealed_schedule
from testbed.waiting import until
from tests.house import Holding, House, failure_of, house, phase_reached
from tests.seals.asking import as_json, live, sealed, send, sent_orders
from tests.workflows.test_one_workflow import INTENT, WHAT_IF
from tests.workflows.test_temporal_command import START, temporal
from worker.answers_of_a_run import AnswersOfARun

ASKING = Holding(more={"approval": {"required": "always"}})


@workflow.defn(name="RebalanceAccount")
class Impostor:
    """Of the right type, under the right id, by a worker of the attacker's own: it asks for one activity."""

    @workflow.run
    async def run(self, queue: str, name: str, request: Any) -> Any:
        """Ask."""
        if name == "open_rebalance":
            request = {**request, "run_id": workflow.info().run_id}
        return await workflow.execute_activity(
            name,
            request,
            task_queue=queue,
            start_to_close_timeout=timedelta(seconds=20),
            retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=100), maximum_attempts=20),
            summary="asked for by a stranger",
        )


@asynccontextmanager
async def impostors(client: Client) -> AsyncGenerator[None]:
    """The worker of an attacker who holds the keys for payloads, so that nothing but permits and seals stops him."""
    runner = AnswersOfARun(UnsandboxedWorkflowRunner())
    async with Worker(client, task_queue="elsewhere", workflows=[Impostor], workflow_runner=runner):
        yield


async def asked(own: House, queue: str, name: str, request: Any) -> Any:
    """What an impostor is answered."""
    return await own.client.execute_workflow(
        "RebalanceAccount", args=[queue, name, request], id="rebalance-DU1", task_queue="elsewhere"
    )


async def refusal(own: House, queue: str, name: str, request: Any) -> ApplicationError:
    """Why an impostor is refused."""
    with pytest.raises(WorkflowFailureError) as failure:
        await asked(own, queue, name, request)
    assert isinstance(failure.value.cause, ActivityError)
    assert isinstance(failure.value.cause.cause, ApplicationError)
    return failure.value.cause.cause


async def permit_of(own: House) -> str:
    """The permit of the account's latest run, which stands in its history."""
    async for event in own.handle("DU1").fetch_history_events():
        scheduled = event.activity_task_scheduled_event_attributes
        if scheduled.activity_type.name == "place_leg":
            payloads = list(scheduled.input.payloads)
            (request,) = await own.client.data_converter.decode(payloads, [PlaceRequest])
            return request.permit
    raise AssertionError("no leg was placed")


async def test_another_workers_workflow_under_the_accounts_own_id_and_type_places_no_order(keys: KeyRing) -> None:
    async with house({"DU1": Holding()}) as own, impostors(own.client):
        await (await send(own, sealed())).result()
        taken, before = await permit_of(own), sent_orders(own)
        for permit in ("", taken, "ann:" + "0" * 64, "nobody:x", "é"):
            for name, request in (
                ("place_leg", PlaceRequest(intents=(INTENT,), never_sent=True, permit=permit)),
                ("place_leg", PlaceRequest(intents=(INTENT,), permit=permit)),
                ("reprice_leg", RepriceRequest(intents=(INTENT,), permit=permit)),
                ("reprice_leg", (INTENT,)),
                ("ask_margin", MarginRequest(account="DU1", orders=(WHAT_IF,), permit=permit)),
            ):
                error = await refusal(own, "ibkr", name, request)
                assert (name, error.type) == (name, "NotPermitted")
                assert "has no permit to trade" in error.message
        assert sent_orders(own) == before


async def test_nobody_is_given_a_permit_or_a_seal_by_asking_the_worker_for_it(keys: KeyRing) -> None:
    async with house({"DU1": Holding()}) as own, impostors(own.client):
        trigger = sealed()
        request = OpeningRequest(account="DU1", workflow_id="rebalance-DU1", run_id="x", triggers=(trigger,))
        told = await asked(own, "rebalances", "open_rebalance", request)
        assert told["seals"] == {"refusals": [""]}
        forged = ScheduledRequest(schedule="mine", account="DU1", mode=ExecutionMode.REBALANCE)
        wanted = live("schedule-mine-1")
        error = await refusal(own, "rebalances", "deliver_triggers", Delivery(request=forged, triggers=(wanted,)))
        assert error.type == "SealRefused"
        assert "schedule mine has no seal" in error.message
        other = sealed_schedule(ScheduledRequest(schedule="yours", account="DU2", mode=ExecutionMode.REBALANCE))
        error = await refusal(own, "rebalances", "deliver_triggers", Delivery(request=other, triggers=(wanted,)))
        assert "does not ask for these triggers" in error.message
        assert sent_orders(own) == []


async def test_the_plain_command_without_a_seal_makes_a_dry_run_and_with_one_it_trades(keys: KeyRing) -> None:
    async with house({"DU1": Holding()}) as own:
        await temporal(own, *START, "--signal-input", '{"event_id": "e1", "mode": "rebalance"}')
        assert (await own.handle("DU1").result()).outcome is not None
        assert sent_orders(own) == []
        await temporal(own, *START, "--signal-input", as_json(sealed("e1"), account="DU2"))
        await asyncio.gather(own.handle("DU1").result(), return_exceptions=True)
        assert sent_orders(own) == []
        await temporal(own, *START, "--signal-input", as_json(sealed("e1")))
        await own.handle("DU1").result()
        assert len(own.accepted_orders("DU1")) == 3


async def test_a_run_started_by_hand_with_forged_triggers_or_memory_trades_nothing(keys: KeyRing) -> None:
    async with house({"DU1": Holding()}) as own:
        first = sealed("e1")
        await (await send(own, first)).result()
        orders = len(own.accepted_orders("DU1"))
        forgotten = {"records": []}
        starts: list[dict[str, Any]] = [
            {"triggers": [live("e2").model_dump(mode="json")]},
            {"triggers": [first.model_dump(mode="json")], "events": forgotten},
            {"triggers": [first.model_dump(mode="json")], "events": forgotten, "proof": f"ann:{'0' * 64}"},
        ]
        for start in starts:
            handle = await own.client.start_workflow(
                "RebalanceAccount", {"account": "DU1", **start}, id="rebalance-DU1", task_queue="rebalances"
            )
            await handle.result()
        assert len(own.accepted_orders("DU1")) == orders


@pytest.mark.parametrize("is_ended_by_us", [True, False])
async def test_a_forged_memo_does_not_make_an_account_forget_what_it_traded_by(
    keys: KeyRing, *, is_ended_by_us: bool
) -> None:
    async with house({"DU1": Holding()}, workers=0) as own:
        first = sealed("e1")
        async with own.working():
            await (await send(own, first)).result()
            orders = len(own.accepted_orders("DU1"))
        handle = await own.client.start_workflow(
            "RebalanceAccount",
            args=["rebalances", "what_holds", "DU1"],
            id="rebalance-DU1",
            task_queue="elsewhere",
            memo={"events": {"records": []}, "proof": f"ann:{'0' * 64}"},
        )
        if is_ended_by_us:
            async with own.working(), impostors(own.client):
                await handle.result()
        else:
            await handle.terminate()
        async with own.working():
            assert (await (await send(own, first)).result()).outcome is None
        assert len(own.accepted_orders("DU1")) == orders


@pytest.mark.parametrize("task", [0, 1, 2])
async def test_a_run_that_is_reset_trades_nothing_again(keys: KeyRing, task: int) -> None:
    async with house({"DU1": Holding()}) as own:
        await (await send(own, sealed("e1"))).result()
        orders = sent_orders(own)
        history = await own.handle("DU1").fetch_history()
        ended = "workflow_task_completed_event_attributes"
        ends = [event.event_id for event in history.events if event.HasField(ended)]
        described = await own.handle("DU1").describe()
        await own.client.workflow_service.reset_workflow_execution(
            ResetWorkflowExecutionRequest(
                namespace=own.client.namespace,
                workflow_execution=WorkflowExecution(workflow_id="rebalance-DU1", run_id=described.run_id),
                reason="again",
                workflow_task_finish_event_id=ends[task],
                request_id=f"reset-{task}",
            )
        )
        await asyncio.gather(own.handle("DU1").result(), return_exceptions=True)
        assert sent_orders(own) == orders


async def test_an_approval_counts_with_a_seal_for_this_plan_and_this_run_alone(keys: KeyRing) -> None:
    async with house({"DU1": ASKING}) as own:
        handle = await send(own, sealed("e1"))
        await phase_reached(handle, Phase.WAITING_FOR_APPROVAL)
        waiting = (await handle.query("status"))["waiting_plan"]["plan_hash"]
        run_id = (await handle.describe()).run_id
        good = sealed_approval(Approval(plan_hash=waiting, by="ann@desk"), "DU1", run_id)
        for forged, why in (
            (Approval(plan_hash=waiting), "has no seal"),
            (good.model_copy(update={"by": "bob"}), "does not fit"),
            (good.model_copy(update={"key_id": "bob"}), "known: ann"),
            (sealed_approval(Approval(plan_hash=waiting), "DU1", "an-earlier-run"), "does not fit"),
            (sealed_approval(Approval(plan_hash=waiting), "DU2", run_id), "does not fit"),
        ):
            with pytest.raises(WorkflowUpdateFailedError) as failure:
                await handle.execute_update("approve", forged)
            assert why in str(failure.value.cause)
        assert sent_orders(own) == []
        assert "is approved" in await handle.execute_update("approve", good, result_type=str)
        await handle.result()
        assert len(own.accepted_orders("DU1")) == 3


async def test_a_word_on_an_order_counts_with_a_seal_for_this_run_alone(keys: KeyRing) -> None:
    async with house({"DU1": ASKING}) as own:
        handle = await send(own, sealed("e1"))
        await phase_reached(handle, Phase.WAITING_FOR_APPROVAL)
        run_id = (await handle.describe()).run_id
        good = sealed_resolution(Resolution(ref="rb-1"), "DU1", run_id)
        for forged, why in (
            (Resolution(ref="rb-1"), "has no seal"),
            (good.model_copy(update={"filled": 7}), "does not fit"),
            (sealed_resolution(Resolution(ref="rb-1"), "DU1", "an-earlier-run"), "does not fit"),
            (good, "rb-1"),
        ):
            with pytest.raises(WorkflowUpdateFailedError) as failure:
                await handle.execute_update("resolve", forged)
            assert why in str(failure.value.cause)
            assert isinstance(failure.value.cause, ApplicationError)
            assert (failure.value.cause.type == "SealRefused") == (forged is not good)
        await handle.terminate()


async def test_a_forged_schedule_triggers_nothing_and_a_sealed_one_trades(keys: KeyRing) -> None:
    async with house({"DU1": Holding()}) as own:
        request = ScheduledRequest(schedule="daily", account="DU1", mode=ExecutionMode.REBALANCE)
        assert "has no seal" in (await failure_of(await scheduled(own, "forged", request))).message
        widened = sealed_schedule(request.model_copy(update={"if_drift": 5})).model_copy(update={"if_drift": None})
        assert "does not fit" in (await failure_of(await scheduled(own, "widened", widened))).message
        assert sent_orders(own) == []
        await (await scheduled(own, "good", sealed_schedule(request))).result()
        result = await own.handle("DU1").result()
        assert result.outcome is not None
        assert len(own.accepted_orders("DU1")) == 3


async def scheduled(own: House, name: str, request: ScheduledRequest) -> Any:
    """The workflow that a schedule starts with this request."""
    action = ScheduleActionStartWorkflow("ScheduledRebalance", request, id=f"schedule-{name}", task_queue="rebalances")
    schedule = await own.client.create_schedule(name, Schedule(action=action, spec=ScheduleSpec()))
    await schedule.trigger()

    async def started() -> Any:
        return (await schedule.describe()).info.recent_actions

    await until(started)
    taken = (await schedule.describe()).info.recent_actions[0].action
    assert isinstance(taken, ScheduleActionExecutionStartWorkflow)
    return own.client.get_workflow_handle(taken.workflow_id)


async def test_neither_the_end_of_a_halt_nor_a_turn_makes_an_unsealed_run_trade(keys: KeyRing) -> None:
    async with house({"DU1": Holding()}, workers=0) as own:
        handle = await send(own, live())
        await handle.signal("resumed")
        await handle.signal("turn")
        async with own.working():
            await handle.result()
        assert sent_orders(own) == []


async def test_a_run_that_was_opened_before_there_was_a_key_sends_nothing_more_and_says_so(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    async with house({"DU1": ASKING}) as own:
        handle = await send(own, live())
        await phase_reached(handle, Phase.WAITING_FOR_APPROVAL)
        make_key_file("ann")
        waiting = (await handle.query("status"))["waiting_plan"]["plan_hash"]
        await handle.execute_update("approve", Approval(plan_hash=waiting))
        error = await failure_of(handle)
        assert error.type == "NotPermitted"
        assert "opened before seals were required" in error.message
        assert sent_orders(own) == []


def test_a_trigger_is_sealed_with_all_that_it_says() -> None:
    covered = {"account", "mode", "event_id", "requested_at", "source", "by", "key_id"}
    assert set(Trigger.model_fields) == covered | {"seal"}


async def test_a_strangers_run_that_is_open_on_a_queue_of_his_keeps_no_worker_from_starting() -> None:
    async with house({"DU1": Holding()}, workers=0) as own, impostors(own.client):
        his = await own.client.start_workflow(
            "RebalanceAccount", args=["nobodys", "wait", {}], id="rebalance-DU9", task_queue="elsewhere"
        )

        async def is_begun() -> bool:
            return bool((await his.describe()).raw_description.pending_activities)

        await until(is_begun)
        async with own.working():
            outcome = (await (await own.trigger("DU1")).result()).outcome
        assert outcome is not None
        assert outcome.phase is Phase.COMPLETED
