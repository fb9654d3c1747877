"""What the embedded Temporal server itself takes: one workflow with one activity that does nothing, again and again."""

import time
from datetime import timedelta
from typing import Final

from temporalio import activity, workflow
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from bench.accounts.figures import Spread
from testbed.temporal_server import temporal_server
from worker.answers_of_a_run import AnswersOfARun

QUEUE: Final = "floor"
RUNS: Final = 100
FIRST_RUNS: Final = 10
"""Not counted: they load what later ones find loaded."""

TIMEOUT: Final = timedelta(seconds=10)


@activity.defn
async def nothing() -> None:
    """Return at once."""


@workflow.defn
class OneActivity:
    """The smallest workflow that has anything done."""

    @workflow.run
    async def run(self) -> None:
        """Have nothing done, on a queue like any other."""
        await workflow.execute_activity(nothing, start_to_close_timeout=TIMEOUT)


async def measure_floor() -> Spread:
    """Seconds from starting such a workflow to its result, one after the other on an idle server."""
    async with temporal_server() as server:
        client = server.client
        async with Worker(client, task_queue=QUEUE, workflows=[OneActivity], activities=[nothing],
                          workflow_runner=AnswersOfARun(UnsandboxedWorkflowRunner())):  # fmt: skip
            seconds: list[float] = []
            for number in range(FIRST_RUNS + RUNS):
                began = time.perf_counter()
                await client.execute_workflow(OneActivity.run, id=f"floor-{number}", task_queue=QUEUE)
                seconds.append(time.perf_counter() - began)
    return Spread.of(seconds[FIRST_RUNS:])
