"""What workers make of a Temporal server that is away, is back at once, or refuses them."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client

from tests.workflows.restoring import Restorable
from worker.contact import until_contact_is_lost
from worker.hosting import own_client
from worker.temporal import connect_embedded

WHILE_IT_LASTS = 1.5
"""Seconds in which something would have happened."""


@pytest.fixture
async def server(tmp_path: Path) -> AsyncGenerator[Restorable]:
    """A server that can be ended and started again."""
    own = Restorable(tmp_path)
    await own.start()
    yield own
    await own.stop()


@asynccontextmanager
async def going_on(work: Coroutine[Any, Any, Any]) -> AsyncGenerator[asyncio.Task[Any]]:
    """Work that is at it when the block begins, and has not ended by itself by then."""
    task = asyncio.create_task(work)
    done, _ = await asyncio.wait({task}, timeout=WHILE_IT_LASTS)
    assert not done
    try:
        yield task
    finally:
        task.cancel()


async def test_a_server_that_is_back_at_once_was_away(server: Restorable) -> None:
    client = await connect_embedded(server.address)
    async with going_on(until_contact_is_lost(client)) as lost:
        await server.stop()
        await server.start()
        await lost


async def test_a_server_that_refuses_the_poll_is_there(server: Restorable) -> None:
    elsewhere = (await connect_embedded(server.address)).config()
    elsewhere["namespace"] = "nobody-made-it"
    async with going_on(until_contact_is_lost(Client(**elsewhere))):
        pass


async def test_a_connection_of_its_own_is_waited_for_while_the_server_is_away(server: Restorable) -> None:
    client = await connect_embedded(server.address)
    await server.stop()
    async with going_on(own_client(client)) as connecting:
        await server.start()
        assert (await (await connecting).count_workflows()).count == 0
