"""How often an activity may fail: lost workers are not counted as failures of the gateway."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from temporalio import activity
from temporalio.client import ActivityFailureError, Client
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment
from temporalio.worker import ExecuteActivityInput, Worker

from activities.typed_failures import TypedFailures
from rebalancing.errors import GatewayTimeout, SymbolUnknown
from testbed.temporal_server import temporal_server
from tests.house import quick_settings
from workflows.retries import retry_policy

ALLOWED = 2
LOST = 3
"""More attempts than may fail."""


@asynccontextmanager
async def serving(visit: Callable[[], Awaitable[None]]) -> AsyncGenerator[Client]:
    """A worker on which ``visit`` may fail ``ALLOWED`` times."""

    @activity.defn(name="visit")
    async def visited() -> None:
        await visit()

    async with temporal_server() as server:
        client = server.client
        async with Worker(client, task_queue="ibkr", activities=[visited], interceptors=[TypedFailures(ALLOWED)]):
            yield client


async def end_of_visit(client: Client) -> ApplicationError:
    """The failure a visit ends with."""
    with pytest.raises(ActivityFailureError) as failure:
        await client.execute_activity(
            "visit",
            id="visit",
            task_queue="ibkr",
            start_to_close_timeout=timedelta(minutes=1),
            heartbeat_timeout=timedelta(milliseconds=100),
            retry_policy=retry_policy(quick_settings()),
        )
    assert isinstance(failure.value.cause, ApplicationError)
    return failure.value.cause


async def test_attempts_lost_with_their_worker_are_not_counted_as_failures() -> None:
    attempts: list[int] = []

    async def visit() -> None:
        attempts.append(activity.info().attempt)
        if len(attempts) <= LOST:
            await asyncio.Event().wait()  # no heartbeat comes, as of a worker that is gone
        raise GatewayTimeout("no answer")

    async with serving(visit) as client:
        assert (await end_of_visit(client)).type == "GatewayTimeout"
    assert attempts == list(range(1, LOST + ALLOWED + 1))


async def test_a_defect_is_not_tried_for_ever() -> None:
    attempts: list[int] = []

    async def visit() -> None:
        attempts.append(activity.info().attempt)
        raise KeyError("something nobody thought of")

    async with serving(visit) as client:
        assert (await end_of_visit(client)).type == "KeyError"
        assert (await end_of_visit(client)).type == "KeyError"
    assert attempts == [1, 2, 1, 2]


async def test_what_trying_again_does_not_mend_is_tried_once() -> None:
    attempts: list[int] = []

    async def visit() -> None:
        attempts.append(activity.info().attempt)
        raise SymbolUnknown("NOSUCH")

    async with serving(visit) as client:
        assert (await end_of_visit(client)).type == "SymbolUnknown"
    assert attempts == [1]


async def test_only_the_last_failure_of_a_step_has_details() -> None:
    environment, failures = ActivityEnvironment(), TypedFailures(ALLOWED)
    told: list[tuple[object, ...]] = []

    async def visit() -> None:
        error = GatewayTimeout("no answer")
        error.details = ("nothing sent",)
        raise error

    async def attempt() -> None:
        await failures.around(ExecuteActivityInput(fn=visit, args=[], executor=None, headers={}), visit)

    for _ in range(ALLOWED):
        with pytest.raises(ApplicationError) as raised:
            await environment.run(attempt)
        told.append(tuple(raised.value.details))
    assert told == [(), ("nothing sent",)]
