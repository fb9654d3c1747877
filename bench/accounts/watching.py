"""Somebody who looks on: the dashboard open in a browser, and Prometheus asking every process for its metrics."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import httpx

from testbed.child_process import ChildProcess
from testbed.installation import REBALANCER, Installation
from testbed.waiting import until
from worker.free_ports import free_port

SCRAPE_EVERY: Final = 5.0
"""Seconds; Prometheus asks every fifteen unless it is told otherwise."""


@asynccontextmanager
async def watched(
    installation: Installation, folder: Path, http: httpx.AsyncClient, metrics_ports: Sequence[int]
) -> AsyncGenerator[None]:
    """Look on during the block, from when the first page has come."""
    port = free_port()
    environment = {**installation.environment, "XDG_CONFIG_HOME": str(folder / "config")}
    serving = ChildProcess("serve", [REBALANCER, "serve", "--port", str(port)], folder, environment)
    pages = f"http://127.0.0.1:{port}"
    addresses = [f"http://127.0.0.1:{each}/metrics" for each in metrics_ports] + [f"{pages}/metrics"]
    await serving.start()
    has_come = asyncio.Event()
    looking: list[asyncio.Task[None]] = []
    try:
        await until(lambda: _answers(http, pages))
        looking = [asyncio.create_task(_look(http, pages, has_come)), asyncio.create_task(_scrape(http, addresses))]
        await has_come.wait()
        yield
    finally:
        for each in looking:
            each.cancel()
        await asyncio.gather(*looking, return_exceptions=True)
        await serving.stop()


async def _answers(http: httpx.AsyncClient, pages: str) -> bool:
    try:
        return (await http.get(pages)).is_success
    except httpx.TransportError:
        return False


async def _look(http: httpx.AsyncClient, pages: str, has_come: asyncio.Event) -> None:
    async with http.stream("GET", f"{pages}/dashboard/live", params={"page": "/"}, timeout=None) as stream:
        async for _ in stream.aiter_lines():
            has_come.set()


async def _scrape(http: httpx.AsyncClient, addresses: Sequence[str]) -> None:
    while True:
        for address in addresses:
            (await http.get(address)).raise_for_status()
        await asyncio.sleep(SCRAPE_EVERY)
