"""The real processes of one measurement, ready to be given events, and how to ask them what happened."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx
from temporalio.client import Client

from bench.accounts.watching import watched
from bench.portfolios import STRATEGIES, weights_of, write_start
from chaos.stage import channels_followed
from testbed.gateway_control import GatewayControl
from testbed.installation import REBALANCER, START_TIMEOUT, Installation
from testbed.portfolios import Portfolio, write_allocations
from testbed.publishing import event, publish
from testbed.waiting import until
from worker.free_ports import free_ports

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
    installation: Installation
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
        before, data = datetime.now(UTC), event(event_id, live=live)
        await asyncio.gather(
            *(publish(self.http, self.installation.ably_port, strategy, data) for strategy in strategies)
        )
        return before


@asynccontextmanager
async def set_stage(
    folder: Path,
    chosen: Sequence[Portfolio],
    gateways: int = 1,
    database: str | None = None,
    *,
    is_watched: bool = False,
) -> AsyncGenerator[Stage]:
    """Start everything in one folder, wait until worker and listener are connected; end it all afterwards.

    With several gateways the accounts are dealt out to them, and each has a worker; one more worker stands by. Without
    a ``database`` Temporal keeps everything in memory. ``is_watched``: somebody looks on all the while.
    """
    names = [None] if gateways == 1 else [f"g{number}" for number in range(gateways)]
    write_start(folder, chosen, SETTINGS, names)
    write_allocations(folder / "allocations.json", {own.strategy: weights_of(own.strategy) for own in chosen})
    workers = {f"worker-{name}" if name else "worker": [REBALANCER, "worker", *(["--gateway", name] if name else [])]
               for name in names}  # fmt: skip
    if gateways > 1:
        workers["worker-standby"] = [REBALANCER, "worker"]
    metrics_ports = free_ports(len(workers)) if is_watched else []
    for command, port in zip(workers.values(), metrics_ports, strict=False):
        command += ["--metrics-port", str(port)]
    installation = Installation(folder, workers, gateways=names, database=database)
    async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
        controls = tuple(GatewayControl(http, own.control) for own in installation.gateways.values())
        try:
            client = await installation.start()
            await channels_followed(client, {own.strategy for own in chosen})
            for control in controls:
                await _read_ahead(control)
            async with watched(installation, folder, http, metrics_ports) if is_watched else nullcontext():
                yield Stage(client, controls, installation, http)
        finally:
            await installation.stop()


async def _read_ahead(gateway: GatewayControl) -> None:
    """Wait until the worker has read what it reads at the start, and reads no more."""

    async def has_begun() -> bool:
        requests = await gateway.ask("GET", "/requests", None)
        return not {"reqPositions", "reqPositionsMulti"}.isdisjoint(each["name"] for each in requests or ())

    await until(has_begun, within=START_TIMEOUT, every=0.2)
    count = -1
    while count != (count := len(await gateway.read("requests"))):  # noqa: ASYNC110  # another process's state
        await asyncio.sleep(1.5)
