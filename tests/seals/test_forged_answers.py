"""Whoever polls our queues as a worker answers or asks in our place: none of it counts, and no order is sent (P10)."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.failure.v1 import ApplicationFailureInfo, Failure
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    PollActivityTaskQueueRequest,
    PollActivityTaskQueueResponse,
    RespondActivityTaskCompletedRequest,
    RespondActivityTaskFailedRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.worker import Worker

from configuration.key_ring import KeyRing, make_key_file
from configuration.keys_in_use import KeysInUse
from contract.releases import Release
from contract.requests import NOTHING_SENT, IntentsRequest
from rebalancing.approval import Approval
from rebalancing.errors import ReleaseRefused
from rebalancing.outcomes import Phase
from rebalancing.settings import Seals
from rebalancing.triggers import ExecutionMode
from starter.desk.approve import approve
from starter.desk.doctor import diagnose
from starter.desk.latest_run import query_status
from starter.desk.pending_steps import pending_steps
from starter.desk.status import read_statuses
from testbed.background import in_background
from testbed.waiting import until
from tests.house import Holding, House, house, phase_reached
from tests.seals.asking import sealed, send, sent_orders
from tests.seals.test_attacks import ASKING, Impostor
from tests.workflows.test_encryption import failed_task
from tests.workflows.test_one_workflow import INTENT
from worker.admission import NOTHING_SAID, admitted
from worker.build import own_release
from worker.hosting import requiring_encryption
from worker.rebalance_worker import run_rebalance_worker
from worker.workers import allocation_activities
from workflows.sandbox import worker_runner

ANYTHING = Payload(metadata={"encoding": b"json/plain"}, data=b'{"cash": "1000000"}')


def requiring(own: House, client: Client) -> tuple[Client, KeysInUse]:
    """As our workers go by it."""
    keys = KeysInUse(lambda: own.in_use.settings, own.connections.rebalancer_key_file)
    return requiring_encryption(client, lambda: keys.are_required), keys


@asynccontextmanager
async def without_gateway_worker(own: House) -> AsyncGenerator[None]:
    """Our worker for rebalances alone: what is asked at the gateway is the attacker's to answer."""
    client, keys = requiring(own, own.client)
    reading = allocation_activities(own.connections, own.in_use.account, lambda: None)
    async with reading as allocations:
        working = run_rebalance_worker(client, own.in_use, allocations, keys, NOTHING_SAID, leads=True)
        async with in_background(working):
            yield


async def taken(own: House, queue: str = "ibkr") -> PollActivityTaskQueueResponse:
    """The next thing that is asked there, by an attacker's poll."""
    request = PollActivityTaskQueueRequest(
        namespace=own.client.namespace, task_queue=TaskQueue(name=queue), identity="impostor"
    )
    while True:
        try:
            task = await own.client.workflow_service.poll_activity_task_queue(request, timeout=timedelta(seconds=30))
        except RPCError:
            continue
        if task.task_token:
            return task


async def answer(own: House, task: PollActivityTaskQueueResponse, forged: Payload | None) -> None:
    """Answer in our place."""
    await own.client.workflow_service.respond_activity_task_completed(
        RespondActivityTaskCompletedRequest(
            namespace=own.client.namespace,
            task_token=task.task_token,
            result=None if forged is None else Payloads(payloads=[forged]),
        )
    )


async def said(own: House, account: str, kind: str) -> Payload:
    """What our worker answered to the first such activity of the account's latest run, as it stands in history."""
    asked: set[int] = set()
    async for event in own.handle(account).fetch_history_events():
        if event.activity_task_scheduled_event_attributes.activity_type.name == kind:
            asked.add(event.event_id)
        done = event.activity_task_completed_event_attributes
        if done.scheduled_event_id in asked and done.result.payloads:
            return done.result.payloads[0]
    raise AssertionError(f"{kind} was not answered")


async def told_by_status(own: House) -> bool:
    """Whether ``status`` says of DU1 why it does not go on."""
    standing, *_ = await read_statuses(own.client, configured=own.configuration.accounts)
    return standing.account == "DU1" and "so it is refused" in standing.detail


async def test_no_forged_or_copied_answer_counts_and_it_is_told_what_to_do(keys: KeyRing) -> None:
    async with house({"DU1": Holding(), "DU2": Holding()}, workers=0) as own:
        async with own.working():
            for account in ("DU1", "DU2"):
                await (await own.trigger(account, "looked", ExecutionMode.DRY_RUN)).result()
        earlier, others = await said(own, "DU1", "read_snapshot"), await said(own, "DU2", "read_snapshot")
        for number, (forged, why) in enumerate(
            (
                (ANYTHING, "is in clear"),
                (None, "without any content"),
                (earlier, "is of something else (read_snapshot"),
                (others, "of rebalance-DU2"),
                ("what was asked", "of rebalance-DU1, workflow)"),
            )
        ):
            async with without_gateway_worker(own):
                handle = await send(own, sealed(f"e{number}"))
                task = await taken(own)
                assert task.activity_type.name == "read_snapshot"
                await answer(own, task, task.input.payloads[0] if isinstance(forged, str) else forged)
                words = await failed_task(own.client, handle)
                assert why in words
                assert "whoever reaches Temporal" in words
                await until(lambda: told_by_status(own))
                found = (await diagnose(own.client, own.configuration, own_release())).findings
                (told,) = [each for each in found if each.about == "rebalance-DU1" and "refused" in each.what]
                assert "temporal workflow terminate --workflow-id rebalance-DU1" in told.to_do
                await handle.terminate()
        assert sent_orders(own) == []
        async with own.working():
            await (await send(own, sealed("honest"))).result()
        assert len(own.accepted_orders("DU1")) == 3


async def test_a_forged_word_that_nothing_was_sent_does_not_count(keys: KeyRing) -> None:
    async with house({"DU1": Holding()}, workers=0) as own, without_gateway_worker(own):
        handle = await send(own, sealed())
        task = await taken(own)
        details = Payload(metadata={"encoding": b"json/plain"}, data=f'"{NOTHING_SENT}"'.encode())
        info = ApplicationFailureInfo(type="OrdersRefused", non_retryable=True, details=Payloads(payloads=[details]))
        await own.client.workflow_service.respond_activity_task_failed(
            RespondActivityTaskFailedRequest(
                namespace=own.client.namespace,
                task_token=task.task_token,
                failure=Failure(message="no", application_failure_info=info),
            )
        )
        assert "is in clear" in await failed_task(own.client, handle)
        await handle.terminate()


async def test_our_worker_does_nothing_that_is_asked_in_clear_in_the_name_of_a_workflow(keys: KeyRing) -> None:
    async with house({"DU1": Holding()}) as own:
        await (await send(own, sealed())).result()
        before = sent_orders(own)
        stranger = await Client.connect(own.address, namespace=own.client.namespace)
        request = IntentsRequest(intents=(INTENT,), timeout=1).model_dump(mode="json")
        async with Worker(stranger, task_queue="elsewhere", workflows=[Impostor], workflow_runner=worker_runner()):
            await stranger.start_workflow(
                "RebalanceAccount", args=["ibkr", "cancel_orders", request], id="rebalance-DU1", task_queue="elsewhere"
            )
            handle = own.handle("DU1")

            async def refused() -> bool:
                steps = await pending_steps(own.client, await handle.describe())
                return any("What cancel_orders is asked in rebalance-DU1 is in clear" in step.failure for step in steps)

            await until(refused)
            await handle.terminate()
        assert sent_orders(own) == before


async def test_a_run_of_before_the_key_is_named_and_goes_on_where_seals_are_optional(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with house({"DU1": ASKING}, workers=0) as own:
        async with own.working():
            handle = await own.trigger("DU1")
            await phase_reached(handle, Phase.WAITING_FOR_APPROVAL)
            plan_hash = (await handle.query("status"))["waiting_plan"]["plan_hash"]
        make_key_file("ann")
        own.client = await own.another_client()
        client, _ = requiring(own, own.client)
        with pytest.raises(ReleaseRefused, match=r"rebalance-DU1 .*is in clear"):
            await admitted(client, Release.of("9.9.9-another"), NOTHING_SAID)
        async with own.working():
            await until(lambda: "begun before there was a key" in caplog.text)
            assert "rebalance-DU1. Say `seals: optional`" in caplog.text
            await until(lambda: told_by_status(own))
        optional = own.configuration.settings.model_copy(update={"seals": Seals.OPTIONAL})
        own.configuration = own.configuration.model_copy(update={"settings": optional})
        async with own.working():
            await until(lambda: query_status(own.handle("DU1")))
            await approve(own.client, "DU1", Approval(plan_hash=plan_hash))
            assert (await own.handle("DU1").result()).outcome is not None
        assert len(own.accepted_orders("DU1")) == 3
