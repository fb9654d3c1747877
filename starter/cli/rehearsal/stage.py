"""A throw-away installation around a stand-in gateway: nothing of it knows where the real one is."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from temporalio.client import Client

from configuration.environment import Connections
from simulator.gateway.scenario import Scenario
from simulator.gateway.server import SimulatedGateway
from starter.cli.services import UNNAMED
from testbed.addresses import clean_environment, gateway_at, keep_local_connections_local
from testbed.child_process import ChildProcess
from testbed.installation import REBALANCER
from testbed.temporal_server import TemporalServer, temporal_server

NO_TEMPORAL_FILE: Final = "temporal.toml"
"""An empty one, so that nobody's own file of Temporal's connections is read."""


@dataclass(frozen=True)
class Stage:
    """What runs: a Temporal server with its history in memory, the stand-in, and a worker that can be killed."""

    client: Client
    gateway: SimulatedGateway
    worker: ChildProcess


@asynccontextmanager
async def rehearsal_stage(
    scenario: Scenario, connections: Connections, gateway: str | None, folder: Path
) -> AsyncGenerator[Stage]:
    """Start everything on free ports, the worker by the real accounts file and allocations; end it in reverse order.

    ``gateway`` is the name under which the accounts are reached. Logs go to ``folder``.
    """
    keep_local_connections_local()
    async with SimulatedGateway(scenario) as simulated, temporal_server() as server:
        environment = _environment(connections, gateway, simulated.port, server, folder)
        worker = ChildProcess("worker", [REBALANCER, "worker", "--gateway", gateway or UNNAMED], folder, environment)
        try:
            await worker.start()
            yield Stage(server.client, simulated, worker)
        finally:
            await worker.stop()


def _environment(
    connections: Connections, gateway: str | None, port: int, server: TemporalServer, folder: Path
) -> Mapping[str, str]:
    """Of what is real the worker is told the accounts file and where allocations are read, and nothing else."""
    no_file = folder / NO_TEMPORAL_FILE
    no_file.touch()
    environment = {
        **clean_environment(),
        **gateway_at(port, gateway),
        "ACCOUNTS_FILE": str(connections.accounts_file.resolve()),
        "TEMPORAL_ADDRESS": server.address,
        "TEMPORAL_NAMESPACE": server.client.namespace,
        "TEMPORAL_CONFIG_FILE": str(no_file),
    }
    if connections.rebalancer_key_file is not None:
        environment["REBALANCER_KEY_FILE"] = str(connections.rebalancer_key_file.resolve())
    if connections.allocations_base_url is not None:
        environment["ALLOCATIONS_BASE_URL"] = connections.allocations_base_url
    if connections.allocations_api_key is not None:
        environment["ALLOCATIONS_API_KEY"] = connections.allocations_api_key.get_secret_value()
    return environment
