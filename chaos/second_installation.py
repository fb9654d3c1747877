"""A second installation at the same gateway: its own Temporal server with its own database, and a worker."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from temporalio.client import Client
from temporalio.service import RPCError

from chaos.doors import SecondInstallation
from chaos.evidence import Run
from chaos.histories import read_runs
from chaos.portfolios import ACCOUNTS
from chaos.processes import ChildProcess
from rebalancing.triggers import ExecutionMode, Trigger
from starter.desk.trigger import deliver
from worker.temporal import connect_embedded, server_command

log = logging.getLogger(__name__)

START_TIMEOUT: Final = 30.0


async def run_second(
    step: SecondInstallation,
    number: int,
    port: int,
    worker: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
) -> tuple[Run, ...]:
    """Have it there for its time with a live event; what its runs tell then. Everything is ended."""
    own = {**environment, "TEMPORAL_ADDRESS": f"127.0.0.1:{port}"}
    database = folder / f"second-{number}.db"
    server = ChildProcess("second-temporal", server_command(port, None, database), folder, own)
    second = ChildProcess("second-worker", worker, folder, own)
    try:
        await server.start()
        client = await _ready(f"127.0.0.1:{port}")
        await second.start()
        await deliver(client, _trigger(step, number))
        await asyncio.sleep(step.seconds)
        await second.kill()
        return await read_runs(client)
    finally:
        await second.kill()
        await server.kill()


def _trigger(step: SecondInstallation, number: int) -> Trigger:
    return Trigger(
        account=list(ACCOUNTS)[step.account],
        event_id=f"second-{number}",
        mode=ExecutionMode.REBALANCE,
        source="second installation",
        requested_at=datetime.now(UTC),
    )


async def _ready(address: str) -> Client:
    async with asyncio.timeout(START_TIMEOUT):
        while True:
            try:
                client = await connect_embedded(address)
                await client.count_workflows()
            except (RPCError, RuntimeError) as error:
                log.debug("the second Temporal is not ready: %s", error)
                await asyncio.sleep(0.1)
            else:
                return client
