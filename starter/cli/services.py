"""The commands that stay: ``worker`` and ``listen``, for a Temporal server that runs elsewhere."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from temporalio.client import Client

from configuration.configuration import Configuration
from configuration.configuration_in_use import ConfigurationInUse
from configuration.keys_in_use import require_keys
from contract import tracing
from starter.ably.listener import AblyNotConfigured, ably_settings, listen
from starter.cli.alerting import alerting
from starter.cli.logs import call_by_name
from starter.cli.metrics import start_logging_with_metrics
from starter.cli.setup import connect_temporal, read_setup
from starter.cli.stopping import Stopped, stopped_by_signal
from starter.desk.mistakes import UserMistake
from starter.desk.standing_metrics import show_standing
from worker.admission import Upgrade
from worker.processes import show
from worker.workers import require_connections, run_workers

log = logging.getLogger(__name__)

UNNAMED: Final = "default"
"""What the gateway without a name is called at the command line."""


async def run_worker_command(
    gateways: tuple[str, ...] = (), metrics_port: int | None = None, *, beside: bool = False, roll_back: bool = False
) -> None:
    """Host workflows and gateway connections (all, or those named) until SIGINT or SIGTERM.

    ``beside`` and ``roll_back``: see ``worker.admission.Upgrade``.
    """
    connections, configuration = read_setup()
    chosen = tuple(None if name == UNNAMED else name for name in gateways)
    unknown = [name for name in chosen if name not in (*configuration.gateways, None)]
    if unknown:
        known = ", ".join(name or UNNAMED for name in configuration.gateways)
        raise UserMistake(f"No enabled account is reached through the gateway {unknown[0]}. The accounts use: {known}.")
    start_logging_with_metrics(connections, metrics_port)
    client = await connect_temporal(interceptors=tracing.interceptors())
    followed = ConfigurationInUse(configuration, connections.accounts_file)
    work = run_workers(client, followed, connections, chosen or None, Upgrade(beside, roll_back))
    suits = partial(require_connections, connections=connections, gateways=chosen or None)
    alerts = alerting(client, followed, connections)
    await until_stopped(following(client, "worker", followed, work, *alerts, suits=suits))


async def run_listen_command(metrics_port: int | None = None) -> None:
    """Turn Ably's events into triggers until SIGINT or SIGTERM."""
    connections, configuration = read_setup()
    try:
        ably_settings(configuration, connections)
    except AblyNotConfigured as mistake:
        raise UserMistake(mistake.with_command) from None
    require_keys(configuration.settings, connections)
    start_logging_with_metrics(connections, metrics_port)
    client = await connect_temporal(lazy=True, interceptors=tracing.interceptors())
    followed = ConfigurationInUse(configuration, connections.accounts_file)
    await until_stopped(following(client, "listener", followed, listen(client, followed, connections)))


async def following(
    client: Client,
    role: str,
    configuration: ConfigurationInUse,
    *services: Coroutine[object, object, None],
    suits: Callable[[Configuration], object] = lambda _: None,
) -> None:
    """Run services with a configuration that follows its file, and have Temporal show what this process goes by."""
    call_by_name(lambda: configuration.names)
    log.info("%s is in use", configuration)
    async with _traces_sent(), asyncio.TaskGroup() as tasks:
        beside = (configuration.follow(suits), show(client, role, configuration), show_standing(client, configuration))
        for service in (*services, *beside):
            tasks.create_task(service)


@asynccontextmanager
async def _traces_sent() -> AsyncGenerator[None]:
    """What was traced in the block is sent at its end, unless nobody takes it."""
    try:
        yield
    finally:
        await asyncio.to_thread(tracing.flush)


async def until_stopped(service: Coroutine[object, object, None]) -> None:
    """Run a service; a signal to stop is its normal end."""
    try:
        async with stopped_by_signal():
            await service
    except Stopped:
        return
