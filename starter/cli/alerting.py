"""The services of alerts, beside those of the workers: the watch, and the worker that tells what it finds."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, Final

from temporalio.client import Client

from configuration.configuration_in_use import ConfigurationInUse
from configuration.environment import Connections
from starter.alerts.watch import watch

log = logging.getLogger(__name__)

PAUSE: Final = 30.0
"""Seconds until a worker for alerts that failed is started again."""


def alerting(
    client: Client, configuration: ConfigurationInUse, connections: Connections, *, is_simulated: bool = False
) -> tuple[Coroutine[Any, Any, None], ...]:
    """Both, for as long as somebody is to be told something. Neither ends, whatever goes wrong."""
    return watch(client, configuration, connections), _telling(
        client, configuration, connections, is_simulated=is_simulated
    )


async def _telling(
    client: Client, configuration: ConfigurationInUse, connections: Connections, *, is_simulated: bool
) -> None:
    while not configuration.now.alerts.is_on:
        await configuration.change()
    # Imported only here: it takes memory, and most installations send nothing.
    from starter.ably.ably_outcomes import AblyOutcomes
    from worker.alert_worker import run_alert_worker

    while True:
        try:
            await run_alert_worker(client, configuration, AblyOutcomes(connections), is_simulated=is_simulated)
        except Exception as error:  # nothing of alerts may end the process that trades
            log.warning("alerts cannot be told at the moment", exc_info=error)
            await asyncio.sleep(PAUSE)
