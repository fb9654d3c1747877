"""Whether this release can go on with runs that another one began: it replays what they have done until now.

Only runs on our own queue count: anybody who reaches the server can start others of the same name, and work on them.
"""

import dataclasses
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from temporalio.client import Client, WorkflowExecutionDescription, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Replayer

from contract.names import REBALANCES_QUEUE
from contract.payloads import FailureConverter
from contract.releases import DEPLOYMENT, OPEN_RUNS, Release
from worker.answers_of_a_run import AnswersOfARun
from workflows.rebalance_account import RebalanceAccount
from workflows.sandbox import worker_runner
from workflows.scheduled_rebalance import ScheduledRebalance

WORKFLOWS: Final[list[type]] = [RebalanceAccount, ScheduledRebalance]
"""What the worker for rebalances hosts."""

THREADS: Final = 2


async def open_runs_of_others(client: Client, own: Release) -> AsyncGenerator[WorkflowExecutionDescription]:
    """Open runs that do not belong to this release, as the server's list, which may lag, has them.

    Raises ``RPCError``.
    """
    version = f"TemporalWorkerDeploymentVersion != '{DEPLOYMENT}:{own.build_id}'"
    async for run in client.list_workflows(f"{OPEN_RUNS} AND ({version} OR TemporalWorkerDeploymentVersion IS NULL)"):
        try:
            description = await client.get_workflow_handle(run.id, run_id=run.run_id).describe()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            continue
        if description.status is WorkflowExecutionStatus.RUNNING and description.task_queue == REBALANCES_QUEUE:
            yield description


async def replay_problem(client: Client, workflow_id: str, run_id: str) -> str:
    """Why this code cannot go on with the run, in words; empty if it can. Raises ``RPCError``."""
    history = await client.get_workflow_handle(workflow_id, run_id=run_id).fetch_history()
    with ThreadPoolExecutor(THREADS) as threads:
        replayer = Replayer(
            workflows=WORKFLOWS,
            workflow_task_executor=threads,
            workflow_runner=AnswersOfARun(worker_runner()),
            # The words of what does not fit are for whoever starts this, and go nowhere else.
            data_converter=dataclasses.replace(client.data_converter, failure_converter_class=FailureConverter),
            namespace=client.namespace,
        )
        failure = (await replayer.replay_workflow(history, raise_on_replay_failure=False)).replay_failure
    return " ".join(str(failure).split())[:200] if failure is not None else ""
