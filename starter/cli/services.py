"""The commands that stay: ``worker`` and ``listen``, for a Temporal server that runs elsewhere."""

from collections.abc import Coroutine
from typing import Final

from starter.cli.logs import start_logging
from starter.cli.mistakes import UserMistake
from starter.cli.setup import connect_temporal, read_setup
from starter.cli.stopping import Stopped, stopped_by_signal
from starter.listener import AblyNotConfigured, ably_settings, listen
from worker.main import run_workers

UNNAMED: Final = "default"
"""What the gateway without a name is called at the command line."""


async def run_worker_command(gateways: tuple[str, ...] = ()) -> None:
    """Host workflows and gateway connections (all, or those named) until SIGINT or SIGTERM."""
    connections, configuration = read_setup()
    chosen = tuple(None if name == UNNAMED else name for name in gateways)
    unknown = [name for name in chosen if name not in (*configuration.gateways, None)]
    if unknown:
        known = ", ".join(name or UNNAMED for name in configuration.gateways)
        raise UserMistake(f"No enabled account is reached through the gateway {unknown[0]}. The accounts use: {known}.")
    start_logging()
    client = await connect_temporal()
    await until_stopped(run_workers(client, configuration, connections, chosen or None))


async def run_listen_command() -> None:
    """Turn Ably's events into triggers until SIGINT or SIGTERM."""
    connections, configuration = read_setup()
    try:
        ably_settings(configuration, connections)
    except AblyNotConfigured as mistake:
        raise UserMistake(str(mistake)) from None
    start_logging()
    client = await connect_temporal(lazy=True)
    await until_stopped(listen(client, configuration, connections))


async def until_stopped(service: Coroutine[object, object, None]) -> None:
    """Run a service; a signal to stop is its normal end."""
    try:
        async with stopped_by_signal():
            await service
    except Stopped:
        return
