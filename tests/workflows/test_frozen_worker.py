"""A worker that is frozen (SIGSTOP) while another takes its gateway over keeps nothing that is the other's to do."""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client

from contract.names import fills_queue, gateway_queue
from rebalancing.outcomes import Phase
from simulator.gateway.faults import FaultRule
from testbed.waiting import until
from tests.cli.command import Desk
from tests.faults.ledger_checks import never_overspent, placed_at_most_once, reported_as_it_is
from tests.house import Holding, House, house, phase_reached
from tests.workflows.test_killed_worker import kill, worker_desk

CASH = "1000"
HOLDINGS = {"SPY": 60, "GLD": 60}


async def polled(client: Client, queue: str) -> None:
    """Return once somebody waits for activities of this queue."""
    asked = DescribeTaskQueueRequest(
        namespace=client.namespace,
        task_queue=TaskQueue(name=queue),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
    )
    while not (await client.workflow_service.describe_task_queue(asked)).pollers:  # noqa: ASYNC110  # another process
        await asyncio.sleep(0.02)


@asynccontextmanager
async def taken_over_from(frozen: asyncio.subprocess.Process, own: House, processes: Desk) -> AsyncGenerator[None]:
    """Freeze the worker that holds the gateway, and have another hold it; at the end the frozen one goes on.

    It has gone on when it finds that the gateway is another's now: what it kept until then is done.
    """
    os.kill(frozen.pid, signal.SIGSTOP)
    own.gateway.add_fault(FaultRule(action="close_before"))
    successor = await processes.start("worker")
    try:
        await until(lambda: len(own.gateway.connections) >= 2)
        yield
        os.kill(frozen.pid, signal.SIGCONT)
        assert frozen.stderr is not None
        async for line in frozen.stderr:
            if b"Another session uses the gateway" in line:
                break
    finally:
        await kill(frozen)
        await kill(successor)


async def test_a_worker_frozen_across_a_takeover_keeps_no_account_from_being_rebalanced(tmp_path: Path) -> None:
    async with house({"DU1": Holding(cash=CASH, holdings=HOLDINGS)}, workers=0) as own:
        processes = worker_desk(tmp_path, own)
        first = await processes.start("worker")
        for queue in (gateway_queue(None), fills_queue(None)):
            await polled(own.client, queue)
        async with taken_over_from(first, own, processes):
            result = await (await own.trigger("DU1")).result()
        assert result.outcome is not None
        assert result.outcome.gaps == ()
        placed_at_most_once(own.gateway.engine)
        reported_as_it_is(own.gateway.engine, "DU1", HOLDINGS, result.outcome.orders)


async def test_a_worker_frozen_in_the_sell_leg_leaves_the_rest_to_its_successor(tmp_path: Path) -> None:
    account = Holding(cash=CASH, holdings=HOLDINGS)
    async with house({"DU1": account}, workers=0, latency={"fill": (1.5, 2.5)}) as own:
        processes = worker_desk(tmp_path, own)
        first = await processes.start("worker")
        handle = await own.trigger("DU1")
        await phase_reached(handle, Phase.SELLING)
        await until(lambda: len(own.accepted_orders("DU1")) >= 2)
        async with taken_over_from(first, own, processes):
            result = await handle.result()
        assert result.outcome is not None
        assert result.outcome.gaps == ()
        placed_at_most_once(own.gateway.engine)
        never_overspent(own.gateway.engine, "DU1", CASH)
        reported_as_it_is(own.gateway.engine, "DU1", HOLDINGS, result.outcome.orders)
