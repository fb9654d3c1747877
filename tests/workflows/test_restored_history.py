"""A database that was put back, or torn by a power cut: what it forgot was traded is not traded again (promise P3)."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType, TaskQueueType
from temporalio.api.taskqueue.v1 import RateLimit
from temporalio.api.workflowservice.v1 import UpdateTaskQueueConfigRequest
from temporalio.client import Client, WorkflowHandle, WorkflowUpdateFailedError

from activities.gateway.order_desk import OrderDesk
from contract.names import GATEWAY_QUEUE
from rebalancing.approval import Approval
from rebalancing.orders.order import Intent, OrderReport, OrderState, Side
from rebalancing.outcomes import Outcome, Phase
from rebalancing.settings import Settings
from simulator.gateway.engine import Engine
from simulator.gateway.ledger import Holding as LedgerHolding
from tests.faults.ledger_checks import never_overspent
from tests.house import Holding, phase_reached, quick_settings
from tests.workflows.restoring import accepted, restorable_house
from tests.workflows.test_approval import waiting_plan
from workflows.rebalance_account import RebalanceAccount

SETTINGS = Settings.model_validate(
    {**quick_settings().model_dump(), "concurrency": {"settling_period": 4}, "figures_lag": 1}
)
"""A young connection prepares no leg for some seconds: time to close the slot before one is placed."""


def let_a_day_pass(engine: Engine) -> None:
    """What happened at the gateway happened yesterday: its queries reach back to midnight."""
    day = timedelta(days=1)
    for execution in engine.executions:
        execution.time -= day
    for order in engine.orders:
        order.placed_at -= day
        order.completed_at = order.completed_at - day if order.completed_at else None


async def let_through(client: Client, rate: float | None) -> None:
    """How many requests a second reach the gateway's slot; ``None`` for as many as there are."""
    update = UpdateTaskQueueConfigRequest.RateLimitUpdate(reason="test")
    if rate is not None:
        update.rate_limit.CopyFrom(RateLimit(requests_per_second=rate))
    request = UpdateTaskQueueConfigRequest(
        namespace=client.namespace,
        task_queue=GATEWAY_QUEUE,
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
        update_queue_rate_limit=update,
    )
    await client.workflow_service.update_task_queue_config(request)


async def happened(handle: WorkflowHandle[Any, Any], activity: str, event_type: "EventType.ValueType") -> None:
    """Return once an activity of this name was scheduled or completed, as the history tells."""
    while True:
        scheduled: dict[int, str] = {}
        async for event in handle.fetch_history_events():
            if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
                scheduled[event.event_id] = event.activity_task_scheduled_event_attributes.activity_type.name
            of = event.activity_task_completed_event_attributes.scheduled_event_id or event.event_id
            if event.event_type == event_type and scheduled.get(of) == activity:
                return
        await asyncio.sleep(0.02)


async def test_a_copy_with_a_leg_scheduled_that_is_put_back_on_the_next_day_buys_nothing_twice(tmp_path: Path) -> None:
    account = Holding(weights={"QQQ": "1"}, more={"margin_check": False})
    async with restorable_house(tmp_path, {"DU1": account}, settings=SETTINGS) as (own, server):
        async with own.working():
            handle = await own.trigger("DU1")
            await happened(handle, "read_snapshot", EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED)
            await let_through(own.client, 0)
            await happened(handle, "place_leg", EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED)
            server.copy()
            await let_through(own.client, None)
            await handle.result()
        (order,) = own.accepted_orders("DU1")
        await server.restore()
        let_a_day_pass(own.gateway.engine)
        await let_through(own.client, None)
        async with own.working():
            await handle.result()
        assert own.accepted_orders("DU1") == [order]
        assert own.gateway.engine.accounts["DU1"].positions == {"QQQ": order.quantity}
        never_overspent(own.gateway.engine, "DU1", "100000")


async def test_a_copy_that_waits_for_approval_takes_no_order_that_was_for_something_else_for_its_own(
    tmp_path: Path,
) -> None:
    """The first order of the first leg was for 100 SPY; after the restore it is for what was bought by hand since."""
    asking = {"margin_check": False, "approval": {"required": "always"}}
    account = Holding(cash="1000", holdings={"SPY": 100}, weights={"QQQ": "1"}, more=asking)
    async with restorable_house(tmp_path, {"DU1": account}, settings=SETTINGS) as (own, server):
        async with own.working():
            handle = await own.trigger("DU1")
            plan = await waiting_plan(handle)
            server.copy()
            await approved(handle, plan.plan_hash)
        before = own.accepted_orders("DU1")
        await server.restore()
        own.gateway.engine.accounts["DU1"].holdings["GLD"] = LedgerHolding(quantity=61)
        async with own.working():
            approving = asyncio.create_task(approved(handle, plan.plan_hash))
            await phase_reached(handle, Phase.HALTED)  # the broker has orders of this run that it does not know
            await accepted(own)
            outcome = await approving
        sold, *bought = own.accepted_orders("DU1")[len(before) :]
        assert (sold.action, sold.symbol, sold.filled) == ("SELL", "GLD", 61)
        told = {order.ref: (order.symbol, order.filled) for order in outcome.orders}
        assert told == {order.ref: (order.symbol, order.filled) for order in (sold, *bought)}


async def approved(handle: WorkflowHandle[Any, Any], known: str) -> Outcome:
    """Approve the plan known, and each one that takes its place, until the run ends."""
    result = asyncio.create_task(handle.result())
    while not result.done():
        with suppress(WorkflowUpdateFailedError):
            await handle.execute_update(RebalanceAccount.approve, Approval(plan_hash=known))
        waiting = asyncio.create_task(waiting_plan(handle, other_than=known))
        await asyncio.wait({result, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if waiting.done():
            known = waiting.result().plan_hash
        waiting.cancel()
    outcome = (await result).outcome
    assert outcome is not None
    return outcome


async def test_a_worker_that_lives_on_while_a_copy_is_put_back_goes_by_the_copy(tmp_path: Path) -> None:
    """What it has in memory of a workflow is ahead of what the server knows then."""
    asking = {"margin_check": False, "approval": {"required": "always"}}
    account = Holding(weights={"QQQ": "1"}, more=asking)
    async with restorable_house(tmp_path, {"DU1": account}, settings=SETTINGS) as (own, server), own.working():
        handle = await own.trigger("DU1")
        plan = await waiting_plan(handle)
        server.copy()
        await let_through(own.client, 0)
        await handle.execute_update(RebalanceAccount.approve, Approval(plan_hash=plan.plan_hash))
        await phase_reached(handle, Phase.READING)
        await server.restore()
        await let_through(own.client, None)
        await approved(handle, plan.plan_hash)
        (order,) = own.accepted_orders("DU1")
        assert own.gateway.engine.accounts["DU1"].positions == {"QQQ": order.quantity}


async def test_a_worker_whose_server_is_back_with_a_copy_within_a_moment_goes_by_the_copy_too(tmp_path: Path) -> None:
    account = Holding(weights={"QQQ": "1"}, more={"margin_check": False})
    async with restorable_house(tmp_path, {"DU1": account}, settings=SETTINGS) as (own, server), own.working():
        await let_through(own.client, 0)
        handle = await own.trigger("DU1")
        await happened(handle, "read_snapshot", EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED)
        server.copy()
        await let_through(own.client, None)
        await happened(handle, "prepare_leg", EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED)
        await let_through(own.client, 0)
        await happened(handle, "place_leg", EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED)
        await server.restore()
        await let_through(own.client, None)
        await handle.result()
        (order,) = own.accepted_orders("DU1")
        assert own.gateway.engine.accounts["DU1"].positions == {"QQQ": order.quantity}


async def test_an_answer_that_an_earlier_history_left_is_not_taken_for_one_of_this(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server takes what an activity answers that has the number, queue and attempt of one it waits for now."""
    of_before = OrderReport(
        ref="rb-1-1-1", symbol="TLT", side=Side.SELL, quantity=459, state=OrderState.FILLED, filled=459
    )
    acknowledged, asked = OrderDesk.acknowledged, 0

    async def answered(desk: OrderDesk, intents: tuple[Intent, ...], linger: float = 0.0) -> tuple[OrderReport, ...]:
        nonlocal asked
        asked += 1
        return (of_before,) if asked == 1 else await acknowledged(desk, intents, linger)

    monkeypatch.setattr(OrderDesk, "acknowledged", answered)
    account = Holding(weights={"QQQ": "1"}, more={"margin_check": False})
    async with restorable_house(tmp_path, {"DU1": account}, settings=SETTINGS) as (own, _), own.working():
        outcome = (await (await own.trigger("DU1")).result()).outcome
        (order,) = own.accepted_orders("DU1")
        assert outcome is not None
        assert [(report.ref, report.filled) for report in outcome.orders] == [(order.ref, order.filled)]
