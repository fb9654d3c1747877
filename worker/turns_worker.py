"""The worker that limits how many rebalances run at once, where ``max_concurrent_rebalances`` asks for it."""

from temporalio.client import Client
from temporalio.worker import Worker

from activities.turns import TurnActivities
from contract.names import TURNS_QUEUE
from rebalancing.settings import Settings
from worker.hosting import ACTIVITY_POLLS, activities_of


def turns_worker(client: Client, settings: Settings) -> Worker:
    """A worker on the queue ``rebalance-turns`` with one slot for each rebalance that may run.

    The limit holds for each process that hosts this worker: run one of them where it must be strict.
    """
    return Worker(
        client,
        task_queue=TURNS_QUEUE,
        activities=activities_of(TurnActivities(client)),
        max_concurrent_activity_task_polls=ACTIVITY_POLLS,
        max_concurrent_activities=settings.concurrency.max_concurrent_rebalances,
    )
