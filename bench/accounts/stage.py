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
CLIENT_ID: Final = 7
START_TIMEOUT: Final = 60.0
MEASURED: Final = ("temporal", "worker", "listener", "gateway")

SETTINGS: Final[Mapping[str, Any]] = {
    "concurrency": {"settling_period": 0, "operation_timeout": 3600, "max_concurrent_requests": 50},
    "fill_timeout": 120,
}
"""Defaults but for: no settling of the connection (nothing was cut off before), and events handed on 50 at a time."""


@dataclass(frozen=True)
class Stage:
    """What runs, and how to reach it."""

    client: Client
    gateway: GatewayControl
    gateway_port: int
    children: Mapping[str, ChildProcess]
    ably_port: int
    http: httpx.AsyncClient

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
async def set_stage(folder: Path, chosen: Sequence[Portfolio]) -> AsyncGenerator[Stage]:
    """Start everything in one folder, wait until worker and listener are connected; end it all afterwards."""
    write_accounts(folder / "accounts.yaml", chosen, SETTINGS)
    write_scenario(folder / "scenario.yaml", chosen)
    weights = {strategy: {"weights": weights_of(strategy)} for strategy in STRATEGIES}
    (folder / "allocations.json").write_text(json.dumps(weights), encoding="utf-8")
    ports = free_ports(5)
    children = _children(folder, ports)
    async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
        gateway = GatewayControl(http, ports[2])
        try:
            for name in ("temporal", "gateway", "ably", "allocations"):
                await children[name].start()
            client = await _answering(f"127.0.0.1:{ports[0]}")
            for name in ("worker", "listener"):
                await children[name].start()
            await _connected(gateway, folder / "listener.log")
            yield Stage(client, gateway, ports[1], children, ports[3], http)
        finally:
            await asyncio.gather(*(children[name].stop() for name in ("listener", "worker")))
            await asyncio.gather(*(children[name].kill() for name in ("gateway", "ably", "allocations", "temporal")))


def _children(folder: Path, ports: Sequence[int]) -> dict[str, ChildProcess]:
    temporal, gateway, control, ably, allocations = ports
    simulate = [REBALANCER, "simulate"]
    commands: dict[str, list[str]] = {
        "temporal": server_command(temporal, None, None),
        "gateway": [*simulate, "gateway", "--port", str(gateway), "--control-port", str(control),
                    "--scenario", "scenario.yaml"],
        "ably": [*simulate, "ably", "--port", str(ably), "--key", ABLY_KEY],
        "allocations": [*simulate, "allocations", "--file", "allocations.json", "--port", str(allocations),
                        "--api-key", ALLOCATIONS_KEY],
        "worker": [REBALANCER, "worker"],
        "listener": [REBALANCER, "listen"],
    }  # fmt: skip
    environment = {
        **clean_environment(),
        "TEMPORAL_ADDRESS": f"127.0.0.1:{temporal}",
        "IBKR_HOST": "127.0.0.1",
        "IBKR_PORT": str(gateway),
        "IBKR_CLIENT_ID": str(CLIENT_ID),
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
    return "reqPositions" in names and _heard(listener_log, "Ably connection: connected")


def _heard(log: Path, words: str) -> bool:
    return log.exists() and words in log.read_text(encoding="utf-8")
