"""One installation in one folder, every part a process of its own: Temporal, stand-ins, workers, listener."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from temporalio.client import Client

from testbed.addresses import HOST, ably_at, allocations_at, clean_environment, gateway_at, temporal_at
from testbed.child_process import ChildProcess
from worker.free_ports import free_ports
from worker.temporal import answering, server_command

TEMPORAL: Final = "temporal"
GATEWAY: Final = "gateway"
ABLY: Final = "ably"
ALLOCATIONS: Final = "allocations"
LISTENER: Final = "listener"

START_TIMEOUT: Final = 60.0
"""Seconds for a server to answer on a machine that is busy with others."""

REBALANCER: Final = str(Path(sys.executable).parent / "rebalancer")


class GatewayPorts(NamedTuple):
    """Where a simulated gateway listens for API clients, and for those who control it."""

    clients: int
    control: int


def simulate(what: str, port: int, *more: str) -> list[str]:
    """The command that runs a stand-in."""
    return [REBALANCER, "simulate", what, "--port", str(port), *more]


def simulate_gateway(ports: GatewayPorts, scenario: str, *more: str) -> list[str]:
    """The command that runs a gateway which starts from this file."""
    control = ["--control-port", str(ports.control)]
    return simulate("gateway", ports.clients, *control, "--scenario", scenario, *more)


async def temporal_answering(address: str) -> Client:
    """A client for a server that is being started, or started again, as soon as it answers."""
    async with asyncio.timeout(START_TIMEOUT):
        return await answering(address)


class Installation:
    """The processes by name, in the order in which they are started; ports stay the same over restarts.

    Each gateway starts from ``<name>.yaml`` in the folder, the one without a name from ``gateway.yaml``; strategies are
    those of ``allocations.json``. These, and what the application reads, must be there before anything is started.
    """

    def __init__(
        self,
        folder: Path,
        workers: Mapping[str, Sequence[str]],
        *,
        gateways: Sequence[str | None] = (None,),
        database: str | None = None,
        gateway_state: str | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """``workers``: each one's command. What is named ``database`` and ``gateway_state`` survives a kill."""
        temporal, self.ably_port, allocations, *ports = free_ports(3 + 2 * len(gateways))
        self.temporal_address = f"{HOST}:{temporal}"
        self.gateways = {name: GatewayPorts(*ports[2 * n : 2 * n + 2]) for n, name in enumerate(gateways)}
        self.environment = {
            **clean_environment(),
            **(environment or {}),
            **temporal_at(temporal),
            **ably_at(self.ably_port),
            **allocations_at(allocations),
        }
        for name, own in self.gateways.items():
            self.environment |= gateway_at(own.clients, name)
        state = ["--state", gateway_state] if gateway_state else []
        self._servers = {
            TEMPORAL: server_command(temporal, None, folder / database if database else None),
            **{name or GATEWAY: simulate_gateway(own, f"{name or GATEWAY}.yaml", *state)
               for name, own in self.gateways.items()},
            ABLY: simulate("ably", self.ably_port),
            ALLOCATIONS: simulate("allocations", allocations, "--file", "allocations.json"),
        }  # fmt: skip
        self._clients = {**workers, LISTENER: [REBALANCER, "listen"]}
        self.children = {
            name: ChildProcess(name, command, folder, self.environment)
            for name, command in {**self._servers, **self._clients}.items()
        }

    async def start(self) -> Client:
        """Start the servers, and the others when Temporal answers."""
        await self._each(self._servers, ChildProcess.start)
        client = await self.temporal()
        await self._each(self._clients, ChildProcess.start)
        return client

    async def temporal(self) -> Client:
        """A client, as soon as the server answers."""
        return await temporal_answering(self.temporal_address)

    async def stop(self) -> None:
        """End everything that was started, clients before servers, which have nothing to put in order."""
        for child in self.children.values():
            child.thaw()
        await self._each(self._clients, ChildProcess.stop)
        await self._each(self._servers, ChildProcess.kill)

    async def _each(self, names: Iterable[str], act: Callable[[ChildProcess], Awaitable[None]]) -> None:
        await asyncio.gather(*(act(self.children[name]) for name in names))
