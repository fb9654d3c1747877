"""The commands that stay: ``worker`` and ``listen``, for a Temporal server that runs elsewhere."""

from collections.abc import Coroutine

from starter.cli.logs import start_logging
from starter.cli.mistakes import UserMistake
from starter.cli.setup import connect_temporal, read_setup
from starter.cli.stopping import Stopped, stopped_by_signal
from starter.listener import AblyNotConfigured, ably_settings, listen
from worker.main import run_workers


async def run_worker_command() -> None:
    """Host workflows and the gateway connection until SIGINT or SIGTERM."""
    connections, configuration = read_setup()
    start_logging()
    client = await connect_temporal()
    await until_stopped(run_workers(client, configuration, connections))


async def run_listen_command() -> None:
    """Turn Ably's events into triggers until SIGINT or SIGTERM."""
    connections, configuration = read_setup()
    try:
        ably_settings(configuration, connections)
    except AblyNotConfigured as mistake:
        raise UserMistake(str(mistake)) from None
    start_logging()
    client = await connect_temporal()
    await until_stopped(listen(client, configuration, connections))


async def until_stopped(service: Coroutine[object, object, None]) -> None:
    """Run a service; a signal to stop is its normal end."""
    try:
        async with stopped_by_signal():
            await service
    except Stopped:
        return
