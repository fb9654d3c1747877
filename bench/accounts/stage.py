"""The real processes of one measurement: Temporal, worker, listener, and the stand-ins they talk to."""

import asyncio
import json
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx
from temporalio.client import Client

from bench.accounts.portfolios import STRATEGIES, Portfolio, weights_of, write_accounts, write_scenario
from chaos.processes import ChildProcess
from chaos.stage import clean_environment
from chaos.stand_ins import ABLY_KEY, GatewayControl
from worker.free_ports import free_ports
from worker.temporal import connect_embedded, server_command

REBALANCER: Final = str(Path(sys.executable).parent / "rebalancer")
ALLOCATIONS_KEY: Final = "for-this-measurement-only"
START_TIMEOUT: Final = 60.0
MEASURED: Final = ("temporal", "worker", "listener", "gateway")
"""What CPU and memory are told of; of several workers, the first."""

SETTINGS: Final[Mapping[str, Any]] = {
    "concurrency": {"settling_period": 0, "operation_timeout": 3600, "max_concurrent_requests": 50},
    "fill_timeout": 120,
}
"""Defaults but for: no settling of the connection (nothing was cut off before), and events handed on 50 at a time."""


@dataclass(frozen=True)
class Stage:
    """What runs, and how to reach it."""

    client: Client
    gateways: tuple[GatewayControl, ...]
    children: Mapping[str, ChildProcess]
    ably_port: int
    http: httpx.AsyncClient

    async def read(self, what: str) -> list[Any]:
        """``requests``, ``orders``, ``executions`` or ``connections`` of all gateways."""
        return [row for gateway in self.gateways for row in await gateway.read(what)]

    async def read_accounts(self) -> dict[str, Any]:
        """The books of all gateways."""
        books: dict[str, Any] = {}
        for gateway in self.gateways:
            books |= await gateway.read("accounts")
        return books

    async def publish(self, event_id: str, strategies: Sequence[str] = STRATEGIES, *, live: bool = True) -> datetime:
        """Publish one event on each channel at once; the moment just before."""
        before = datetime.now(UTC)
        key_name, _, secret = ABLY_KEY.partition(":")
        body = {"name": "rebalance", "data": {"execution": "rebalance" if live else "dry_run", "eventId": event_id}}
        answers = await asyncio.gather(
            *(
                self.http.post(
                    f"http://127.0.0.1:{self.ably_port}/channels/{strategy}/messages",
                    json=body,
                    auth=(key_name, secret),
                )
                for strategy in strategies
            )
        )
        for answer in answers:
            answer.raise_for_status()
        return before


@asynccontextmanager
async def set_stage(folder: Path, chosen: Sequence[Portfolio], gateways: int = 1) -> AsyncGenerator[Stage]:
    """Start everything in one folder, wait until worker and listener are connected; end it all afterwards.

    With several gateways the accounts are dealt out to them, and each has a worker; one more worker stands by.
    """
    names = [None] if gateways == 1 else [f"g{number}" for number in range(gateways)]
    write_accounts(folder / "accounts.yaml", chosen, SETTINGS, names)
    for number, name in enumerate(names):
        write_scenario(folder / f"{name or 'gateway'}.yaml", chosen[number :: len(names)])
    weights = {own.strategy: {"weights": weights_of(own.strategy)} for own in chosen}
    (folder / "allocations.json").write_text(json.dumps(weights), encoding="utf-8")
    ports, gateway_ports = free_ports(3), free_ports(2 * len(names))
    pairs = list(zip(gateway_ports[::2], gateway_ports[1::2], strict=True))
    children = _children(folder, ports, dict(zip(names, pairs, strict=True)))
    async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
        controls = tuple(GatewayControl(http, control) for _, control in pairs)
        clients = [name for name in children if name.startswith(("worker", "listener"))]
        servers = [name for name in children if name not in clients]
        try:
            for name in servers:
                await children[name].start()
            client = await _answering(f"127.0.0.1:{ports[0]}")
            for name in clients:
                await children[name].start()
            for control in controls:
                await _connected(control, folder / "listener.log")
            yield Stage(client, controls, children, ports[1], http)
        finally:
            await asyncio.gather(*(children[name].stop() for name in clients))
            await asyncio.gather(*(children[name].kill() for name in servers))


def _children(
    folder: Path, ports: Sequence[int], gateways: Mapping[str | None, tuple[int, int]]
) -> dict[str, ChildProcess]:
    temporal, ably, allocations = ports
    simulate = [REBALANCER, "simulate"]
    commands: dict[str, list[str]] = {
        "temporal": server_command(temporal, None, None),
        "ably": [*simulate, "ably", "--port", str(ably), "--key", ABLY_KEY],
        "allocations": [*simulate, "allocations", "--file", "allocations.json", "--port", str(allocations),
                        "--api-key", ALLOCATIONS_KEY],
        "listener": [REBALANCER, "listen"],
    }  # fmt: skip
    hosts: dict[str, str] = {}
    for name, (port, control) in gateways.items():
        commands[name or "gateway"] = [*simulate, "gateway", "--port", str(port), "--control-port", str(control),
                                       "--scenario", f"{name or 'gateway'}.yaml"]  # fmt: skip
        choice = ["--gateway", name] if name else []
        commands[f"worker-{name}" if name else "worker"] = [REBALANCER, "worker", *choice]
        hosts[f"IBKR_{name.upper()}_PORT" if name else "IBKR_PORT"] = str(port)
    if len(gateways) > 1:
        commands["worker-standby"] = [REBALANCER, "worker"]
    environment = {
        **clean_environment(),
        "TEMPORAL_ADDRESS": f"127.0.0.1:{temporal}",
        "IBKR_HOST": "127.0.0.1",
        **hosts,
        "ABLY_API_KEY": ABLY_KEY,
        "ABLY_ENDPOINT": "127.0.0.1",
        "ABLY_PORT": str(ably),
        "ABLY_TLS": "false",
        "ALLOCATIONS_BASE_URL": f"http://127.0.0.1:{allocations}",
        "ALLOCATIONS_API_KEY": ALLOCATIONS_KEY,
    }
    return {name: ChildProcess(name, command, folder, environment) for name, command in commands.items()}


async def _answering(address: str) -> Client:
    async with asyncio.timeout(START_TIMEOUT):
        while True:
            try:
                client = await connect_embedded(address)
                await client.count_workflows()
            except Exception:
                await asyncio.sleep(0.1)  # not there yet: RPCError or RuntimeError, whatever the client makes of it
            else:
                return client


async def _connected(gateway: GatewayControl, listener_log: Path) -> None:
    """Wait until the worker has read what it reads at the start, and the listener is attached to its channels."""
    async with asyncio.timeout(START_TIMEOUT):
        while not await _started_up(gateway, listener_log):  # noqa: ASYNC110  # other processes' state
            await asyncio.sleep(0.2)
    count = -1
    # Until nothing more is read ahead; noqa because it is another process's state.
    while count != (count := len(await gateway.read("requests"))):  # noqa: ASYNC110
        await asyncio.sleep(1.5)


async def _started_up(gateway: GatewayControl, listener_log: Path) -> bool:
    try:
        names = {each["name"] for each in await gateway.read("requests")}
    except httpx.HTTPError:
        return False
    return bool(names & {"reqPositions", "reqPositionsMulti"}) and _heard(listener_log, "Ably connection: connected")


def _heard(log: Path, words: str) -> bool:
    return log.exists() and words in log.read_text(encoding="utf-8")
