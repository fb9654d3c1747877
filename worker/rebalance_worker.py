"""The worker for workflows and for activities that do not touch the gateway."""

import logging
from datetime import timedelta
from typing import Final

from temporalio.client import Client
from temporalio.worker import Worker

from activities.allocations import AllocationActivities
from activities.circuit_breaker import CircuitBreaker
from activities.halts import Halts
from activities.opening import OpeningActivities
from activities.planning import PlanningActivities
from activities.schedules import ScheduleActivities
from activities.seals import Seals
from activities.typed_failures import TypedFailures
from configuration.configuration_in_use import ConfigurationInUse
from configuration.keys_in_use import KeysInUse
from contract.names import REBALANCES_QUEUE
from worker.contact import until_contact_is_lost
from worker.hosting import ACTIVITY_POLLS, activities_of, host, own_client
from worker.search_attributes import have_attributes
from workflows.rebalance_account import RebalanceAccount
from workflows.sandbox import worker_runner
from workflows.scheduled_rebalance import ScheduledRebalance

log = logging.getLogger(__name__)

STICKY_TIMEOUT: Final = timedelta(seconds=1)
"""How long a workflow task waits for the worker that has the workflow in memory; a killed one is replaced after it."""

CACHED_WORKFLOWS: Final = 1000
"""Workflows kept in memory, a quarter of a megabyte each. With fewer than run at once nearly every step replays one."""

END_TIMEOUT: Final = 5.0
"""Seconds for a worker to end whose server may be away. Nothing is lost: workflows are on the server."""


async def run_rebalance_worker(
    client: Client, configuration: ConfigurationInUse, allocations: AllocationActivities, keys: KeysInUse
) -> None:
    """Serve workflows until cancelled; after Temporal was away, with nothing of them in memory.

    A server may come back with a history from before what this worker remembers: a database was put back, or torn by a
    power cut. Answers from memory would not fit it, and the run could never be replayed again. Raises
    ``SearchAttributesMissing`` where the server does not take what workflows write, and may not be changed.
    """
    while True:
        own = await own_client(client)
        await have_attributes(own)
        worker = rebalance_worker(own, configuration, allocations, keys)
        await host([worker], until_contact_is_lost(client), END_TIMEOUT)
        log.warning("Temporal cannot be reached; workflows are read anew once it is back")


def rebalance_worker(
    client: Client, configuration: ConfigurationInUse, allocations: AllocationActivities, keys: KeysInUse
) -> Worker:
    """A worker on the queue ``rebalances``."""
    seals = Seals(keys)
    halts = Halts(client, lambda account: configuration.now.strategy_of(account))
    return Worker(
        client,
        task_queue=REBALANCES_QUEUE,
        workflows=[RebalanceAccount, ScheduledRebalance],
        workflow_runner=worker_runner(),
        activities=activities_of(
            OpeningActivities(configuration, client, halts, seals),
            seals,
            halts,
            CircuitBreaker(client),
            allocations,
            PlanningActivities(),
            ScheduleActivities(configuration, client, seals),
        ),
        max_concurrent_activity_task_polls=ACTIVITY_POLLS,
        interceptors=[TypedFailures()],
        sticky_queue_schedule_to_start_timeout=STICKY_TIMEOUT,
        max_cached_workflows=CACHED_WORKFLOWS,
    )
