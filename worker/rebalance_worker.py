"""The worker for workflows and for activities that do not touch the gateway."""

from datetime import timedelta
from typing import Final

from temporalio.client import Client
from temporalio.worker import Worker

from activities.allocations import AllocationActivities
from activities.failures import TypedFailures
from activities.opening import OpeningActivities
from activities.planning import PlanningActivities
from configuration.configuration_in_use import ConfigurationInUse
from contract.names import REBALANCES_QUEUE
from worker.hosting import ACTIVITY_POLLS
from workflows.rebalance_account import RebalanceAccount
from workflows.sandbox import worker_runner

STICKY_TIMEOUT: Final = timedelta(seconds=1)
"""How long a workflow task waits for the worker that has the workflow in memory; a killed one is replaced after it."""

CACHED_WORKFLOWS: Final = 1000
"""Workflows kept in memory, a quarter of a megabyte each. With fewer than run at once nearly every step replays one."""


def rebalance_worker(client: Client, configuration: ConfigurationInUse, allocations: AllocationActivities) -> Worker:
    """A worker on the queue ``rebalances``."""
    opening, planning = OpeningActivities(configuration, client), PlanningActivities()
    return Worker(
        client,
        task_queue=REBALANCES_QUEUE,
        workflows=[RebalanceAccount],
        workflow_runner=worker_runner(),
        activities=[
            opening.open_rebalance,
            allocations.read_targets,
            planning.make_plan,
            planning.size_buys,
            planning.check_guards,
        ],
        max_concurrent_activity_task_polls=ACTIVITY_POLLS,
        interceptors=[TypedFailures()],
        sticky_queue_schedule_to_start_timeout=STICKY_TIMEOUT,
        max_cached_workflows=CACHED_WORKFLOWS,
    )
