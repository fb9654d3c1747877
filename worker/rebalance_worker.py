"""The worker for workflows and for activities that do not touch the gateway."""

import asyncio
import logging
from datetime import timedelta
from typing import Final

from temporalio.client import Client
from temporalio.common import VersioningBehavior
from temporalio.worker import Worker, WorkerDeploymentConfig

from activities.allocations import AllocationActivities
from activities.circuit_breaker import CircuitBreaker
from activities.halts import Halts
from activities.lost_history import LostHistory
from activities.opening import OpeningActivities
from activities.planning import PlanningActivities
from activities.schedules import ScheduleActivities
from activities.seals import Seals
from activities.typed_failures import TypedFailures
from configuration.configuration_in_use import ConfigurationInUse
from configuration.keys_in_use import KeysInUse
from contract.names import REBALANCES_QUEUE
from contract.releases import Release
from worker.admission import Upgrade, admitted
from worker.answers_of_a_run import AnswersOfARun
from worker.build import own_release
from worker.contact import until_contact_is_lost
from worker.hosting import ACTIVITY_POLLS, activities_of, host, own_client
from worker.release_in_charge import follow, lead
from worker.replay_check import WORKFLOWS
from worker.search_attributes import have_attributes
from workflows.sandbox import worker_runner

log = logging.getLogger(__name__)

STICKY_TIMEOUT: Final = timedelta(seconds=1)
"""How long a workflow task waits for the worker that has the workflow in memory; a killed one is replaced after it."""

CACHED_WORKFLOWS: Final = 1000
"""Workflows kept in memory, a quarter of a megabyte each. With fewer than run at once nearly every step replays one."""

END_TIMEOUT: Final = 5.0
"""Seconds for a worker to end whose server may be away. Nothing is lost: workflows are on the server."""


async def run_rebalance_worker(
    client: Client,
    configuration: ConfigurationInUse,
    allocations: AllocationActivities,
    keys: KeysInUse,
    upgrade: Upgrade,
    *,
    leads: bool,
) -> None:
    """Serve workflows until cancelled; after Temporal was away, with nothing of them in memory.

    A server may come back with a history from before what this worker remembers: a database was put back, or torn by a
    power cut. Answers from memory would not fit it, and the run could never be replayed again. ``leads`` is what
    ``admitted`` said before; it is asked again whenever the server was away. Raises
    ``SearchAttributesMissing`` where the server does not take what workflows write, and may not be changed, and
    ``ReleaseRefused`` where this release would break runs that are open.
    """
    release = own_release()
    while True:
        own = await own_client(client)
        await have_attributes(own)
        worker = rebalance_worker(own, release, configuration, allocations, keys)
        await host([worker], _served(client, release, leads=leads), END_TIMEOUT)
        log.warning("Temporal cannot be reached; workflows are read anew once it is back")
        leads = await admitted(client, release, upgrade)


async def _served(client: Client, release: Release, *, leads: bool) -> None:
    """Return once Temporal is away; until then this release is in charge, or follows a newer one that is."""
    in_charge = asyncio.create_task(lead(client, release) if leads else follow(client, release))
    contact = asyncio.create_task(until_contact_is_lost(client))
    try:
        done, _ = await asyncio.wait({in_charge, contact}, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        in_charge.cancel()
        contact.cancel()


def rebalance_worker(
    client: Client,
    release: Release,
    configuration: ConfigurationInUse,
    allocations: AllocationActivities,
    keys: KeysInUse,
) -> Worker:
    """A worker on the queue ``rebalances`` for runs of this release, which stay with it unless they are moved."""
    halts = Halts(client, lambda account: configuration.now.strategy_of(account))
    seals = Seals(keys)
    return Worker(
        client,
        task_queue=REBALANCES_QUEUE,
        workflows=WORKFLOWS,
        workflow_runner=AnswersOfARun(worker_runner()),
        activities=activities_of(
            OpeningActivities(configuration, client, halts, seals),
            seals,
            halts,
            LostHistory(client),
            CircuitBreaker(client),
            allocations,
            PlanningActivities(),
            ScheduleActivities(configuration, client, seals),
        ),
        max_concurrent_activity_task_polls=ACTIVITY_POLLS,
        interceptors=[TypedFailures()],
        sticky_queue_schedule_to_start_timeout=STICKY_TIMEOUT,
        max_cached_workflows=CACHED_WORKFLOWS,
        deployment_config=WorkerDeploymentConfig(
            version=release.version,
            use_worker_versioning=True,
            default_versioning_behavior=VersioningBehavior.PINNED,
        ),
    )
