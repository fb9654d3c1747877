"""The last to begin go before what the others still have to buy; asked of a real server's queue."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import ActivityHandle, Client
from temporalio.common import Priority

from activities import beginners
from activities.beginners import LAST, Beginners
from contract.priority import BEGINNING, FINISHING, OPERATOR
from worker.free_ports import free_port
from worker.temporal import connect_embedded, embedded_server

QUEUE = "ibkr"


@asynccontextmanager
async def waiting_in_line(count: int, priority: int = BEGINNING) -> AsyncGenerator[Beginners]:
    """A slot that nobody serves, with so many visits of this priority waiting for it."""
    async with embedded_server(free_port(), ui_port=None) as address:
        client = await connect_embedded(address)
        await asyncio.gather(*(ask_for_a_visit(client, number, priority) for number in range(count)))
        while await length_of_queue(client) < count:  # noqa: ASYNC110  # another process's state
            await asyncio.sleep(0.02)
        yield Beginners(client, QUEUE)


async def ask_for_a_visit(client: Client, number: int, priority: int) -> ActivityHandle[None]:
    """Put one visit into the queue."""
    return await client.start_activity(
        "read_snapshot",
        id=f"visit-{number}",
        task_queue=QUEUE,
        start_to_close_timeout=timedelta(minutes=1),
        priority=Priority(priority_key=priority, fairness_key=f"DU{number}"),
    )


async def length_of_queue(client: Client) -> int:
    """Of all priorities together, as the server has them by now."""
    asked = DescribeTaskQueueRequest(
        namespace=client.namespace,
        task_queue=TaskQueue(name=QUEUE),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
        report_stats=True,
    )
    return (await client.workflow_service.describe_task_queue(asked)).stats.approximate_backlog_count


async def is_let_go(going: asyncio.Task[None]) -> bool:
    """Whether it goes on at once, give or take an answer of the server."""
    done, _ = await asyncio.wait({going}, timeout=0.5)
    return bool(done)


@pytest.fixture(autouse=True)
def long_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """So long that no test of what ends a wait ends by its length."""
    monkeypatch.setattr(beginners, "LONGEST_WAIT", timedelta(minutes=1))


async def test_who_has_sold_waits_until_each_of_the_last_has_begun() -> None:
    async with waiting_in_line(3) as own:
        going = asyncio.create_task(own.go_first(FINISHING))
        for _ in range(3):
            assert not await is_let_go(going)
            own.note_visit(BEGINNING)
        await going


async def test_visits_that_finish_or_answer_a_person_count_for_nobody_who_begins() -> None:
    async with waiting_in_line(1) as own:
        going = asyncio.create_task(own.go_first(FINISHING))
        own.note_visit(FINISHING)
        own.note_visit(OPERATOR)
        assert not await is_let_go(going)
        own.note_visit(BEGINNING)
        await going


async def test_a_queue_longer_than_the_last_holds_nobody_up() -> None:
    async with waiting_in_line(LAST + 1) as own:
        assert await is_let_go(asyncio.create_task(own.go_first(FINISHING)))


@pytest.mark.parametrize("priority", [FINISHING, OPERATOR])
async def test_others_that_finish_hold_nobody_up(priority: int) -> None:
    async with waiting_in_line(3, priority) as own:
        assert await is_let_go(asyncio.create_task(own.go_first(FINISHING)))


async def test_nobody_goes_before_what_a_person_waits_for() -> None:
    async with waiting_in_line(3) as own:
        assert await is_let_go(asyncio.create_task(own.go_first(OPERATOR)))


async def test_no_wait_is_longer_than_the_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beginners, "LONGEST_WAIT", timedelta(milliseconds=50))
    async with waiting_in_line(3) as own:
        await own.go_first(FINISHING)


async def test_a_server_that_does_not_answer_holds_nobody_up() -> None:
    async with embedded_server(free_port(), ui_port=None) as address:
        own = Beginners(await connect_embedded(address), QUEUE)
    async with asyncio.timeout(10):
        await own.go_first(FINISHING)
