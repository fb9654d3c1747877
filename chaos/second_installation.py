"""A second installation at the same gateway: its own Temporal server with its own database, and a worker."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from chaos.accounts import ACCOUNTS
from chaos.doors import SecondInstallation
from chaos.evidence import Run
from chaos.histories import read_runs
from rebalancing.triggers import ExecutionMode, Trigger
from starter.desk.trigger import deliver
from testbed.addresses import temporal_at
from testbed.child_process import ChildProcess
from testbed.installation import temporal_answering
from worker.free_ports import free_port
from worker.temporal import server_command


async def run_second(
    step: SecondInstallation,
    number: int,
    worker: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
) -> tuple[Run, ...]:
    """Have it there for its time with a live event; what its runs tell then. Everything is ended."""
    port = free_port()
    own = {**environment, **temporal_at(port)}
    database = folder / f"second-{number}.db"
    server = ChildProcess("second-temporal", server_command(port, None, database), folder, own)
    second = ChildProcess("second-worker", worker, folder, own)
    try:
        await server.start()
        client = await temporal_answering(own["TEMPORAL_ADDRESS"])
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
