"""The worker for alerts: a queue of its own with a few slots, so that no receiver is in the way of a rebalance."""

import logging
from datetime import timedelta
from typing import Final

from temporalio.client import Client
from temporalio.worker import Worker

from activities.alerts.receivers import SLOTS, Receivers
from activities.alerts.telling import AlertActivities
from activities.typed_failures import TypedFailures
from configuration.configuration_in_use import ConfigurationInUse
from configuration.environment import alert_address
from contract.alerts import ALERTS_QUEUE, OutcomePublisher
from worker.answers_of_a_run import AnswersOfARun
from worker.contact import until_contact_is_lost
from worker.hosting import ACTIVITY_POLLS, activities_of, host, own_client
from worker.rebalance_worker import STICKY_TIMEOUT
from workflows.alert import AlertWorkflow
from workflows.alert_digest import AlertDigest
from workflows.sandbox import worker_runner

log = logging.getLogger(__name__)

GRACE: Final = timedelta(seconds=10)
"""What is being sent at shutdown may be sent; told twice would be the price of less."""

END_TIMEOUT: Final = 12.0

CACHED_WORKFLOWS: Final = 50
"""Most of them wait for the end of something for hours."""


async def run_alert_worker(
    client: Client,
    configuration: ConfigurationInUse,
    publisher: OutcomePublisher | None = None,
    *,
    is_simulated: bool = False,
) -> None:
    """Serve alerts from the moment on that somebody is to be told something; until cancelled.

    ``is_simulated``: the gateway is a stand-in, and every message says so.
    """
    while not configuration.now.alerts.is_on:
        await configuration.change()
    receivers = Receivers(alert_address)
    while True:
        own = await own_client(client)
        worker = alert_worker(own, AlertActivities(own, configuration, receivers, publisher, is_simulated=is_simulated))
        await host([worker], until_contact_is_lost(client), END_TIMEOUT)
        log.debug("Temporal cannot be reached; alerts are told once it is back")


def alert_worker(client: Client, activities: AlertActivities) -> Worker:
    """A worker on the queue ``alerts``."""
    return Worker(
        client,
        task_queue=ALERTS_QUEUE,
        workflows=[AlertWorkflow, AlertDigest],
        workflow_runner=AnswersOfARun(worker_runner()),
        activities=activities_of(activities),
        max_concurrent_activities=SLOTS,
        max_concurrent_activity_task_polls=ACTIVITY_POLLS,
        max_concurrent_workflow_tasks=SLOTS,
        interceptors=[TypedFailures()],
        graceful_shutdown_timeout=GRACE,
        sticky_queue_schedule_to_start_timeout=STICKY_TIMEOUT,
        max_cached_workflows=CACHED_WORKFLOWS,
    )
