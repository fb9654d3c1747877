"""The real Temporal server for the time of a block, on free ports if the wanted ones are taken."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final, NamedTuple

from temporalio.client import Client

from worker.free_ports import free_port
from worker.temporal import ServerNotStarted, connect_embedded, embedded_server

TRIES: Final = 6
"""A free port may be taken by somebody else before the server gets to it."""


class TemporalServer(NamedTuple):
    """Where it listens (``host:port``), its UI's port if it has one, and a client for it."""

    address: str
    ui_port: int | None
    client: Client


@asynccontextmanager
async def temporal_server(
    port: int | None = None, ui_port: int | None = None, database: Path | None = None
) -> AsyncGenerator[TemporalServer]:
    """Run the server; with a UI if its port is given, with its history in memory unless a file is given."""
    async with AsyncExitStack() as stack:
        for tries_left in reversed(range(TRIES)):
            port = port or free_port()
            try:
                address = await stack.enter_async_context(embedded_server(port, ui_port, database))
            except ServerNotStarted:
                if not tries_left:
                    raise
                port, ui_port = None, free_port() if ui_port else None
            else:
                yield TemporalServer(address, ui_port, await connect_embedded(address))
                return
