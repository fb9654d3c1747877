"""A Temporal server whose database can be copied while it runs, and put back, as after a restore or a power cut."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from chaos.power import copy_database, put_back
from starter.desk.accept_history import accept_history, read_doubt
from testbed.temporal_server import TemporalServer
from tests.house import Holding, House, house
from worker.free_ports import free_port
from worker.temporal import connect_embedded, embedded_server


class Restorable:
    """A server on a database file, always at the same address."""

    def __init__(self, folder: Path) -> None:
        self.database = folder / "temporal.db"
        self._copy = folder / "copy.db"
        self._port = free_port()
        self._running = AsyncExitStack()

    @property
    def address(self) -> str:
        """Where it is, or will be."""
        return f"127.0.0.1:{self._port}"

    async def start(self) -> str:
        """Start the server; returns its address."""
        return await self._running.enter_async_context(embedded_server(self._port, None, self.database))

    async def stop(self) -> None:
        """Stop it."""
        await self._running.aclose()

    def copy(self) -> None:
        """Copy the database as it is at this moment."""
        copy_database(self.database, self._copy)

    async def restore(self) -> None:
        """Stop the server, put the copy back, and start it again."""
        await self.stop()
        put_back(self._copy, self.database)
        await self.start()

    async def lose(self) -> None:
        """Stop the server and start it with an empty database."""
        await self.stop()
        for file in self.database.parent.glob(f"{self.database.name}*"):
            file.unlink()
        await self.start()


@asynccontextmanager
async def restorable_house(
    folder: Path, accounts: dict[str, Holding], **more: Any
) -> AsyncGenerator[tuple[House, Restorable]]:
    """A house without workers, on a server whose history can be put back."""
    server = Restorable(folder)
    address = await server.start()
    try:
        temporal = TemporalServer(address, None, await connect_embedded(address))
        async with house(accounts, workers=0, temporal=temporal, **more) as own:
            yield own, server
    finally:
        await server.stop()


async def accepted(own: House, account: str = "DU1") -> list[str]:
    """A person looks, and accepts; the orders that were shown, in words."""
    doubt = await read_doubt(own.client, own.configuration.configured(account))
    await accept_history(own.client, account, doubt, "ann")
    return [order.words for order in doubt.orders]
