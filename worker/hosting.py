"""Runs Temporal workers while something lasts, and ends them within a bounded time."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final

from temporalio.client import Client
from temporalio.service import ServiceClient
from temporalio.worker import Worker

from contract.payloads import requiring

log = logging.getLogger(__name__)

ACTIVITY_POLLS: Final = 1
"""Requests for activities that a worker has open at the server. Each is answered with one, also where the worker is
frozen and another has taken its gateway over: it keeps that activity until its heartbeat is missed, and no other."""

END_TIMEOUT: Final = 25.0
"""Seconds for workers to end: their own grace time, and some to say good-bye to the server. The client library was seen
to wait for ever for an answer to that, with all its pollers and activities ended."""

CONNECT_PAUSE: Final = 0.2
"""Seconds between attempts to connect to a server that is away."""


async def host(
    workers: list[Worker], while_running: Coroutine[Any, Any, object], end_timeout: float = END_TIMEOUT
) -> None:
    """Run ``workers`` until ``while_running`` returns. An error of a worker is raised here.

    A worker that does not end within ``end_timeout`` seconds is left behind, doing nothing; its client must not be used
    for workers again.
    """
    running = [asyncio.create_task(worker.run()) for worker in workers]
    lasting = asyncio.create_task(while_running)
    try:
        done, _ = await asyncio.wait({lasting, *running}, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        lasting.cancel()
        await _end(workers, running, end_timeout)


def activities_of(*implementations: object) -> list[Callable[..., Any]]:
    """All activities of the contracts (``contract.activities``) that these objects implement."""
    return [
        getattr(each, name)
        for each in implementations
        for contract in type(each).__mro__
        for name in sorted(getattr(contract, "__abstractmethods__", ()))
    ]


async def own_client(client: Client) -> Client:
    """A client like this one with a connection of its own, so that a worker left behind is in nobody's way.

    While the server is away it is waited for.
    """
    config = client.config()
    while True:
        try:
            config["service_client"] = await ServiceClient.connect(client.service_client.config)
        except RuntimeError as error:  # what the client library says of any server that does not answer
            log.debug("Temporal does not answer: %s", error)
            await asyncio.sleep(CONNECT_PAUSE)
        else:
            return Client(**config)


def requiring_encryption(client: Client, is_required: Callable[[], bool]) -> Client:
    """A client for workers like this one, with which activities are asked and answer nothing in clear."""
    config = client.config()
    config["data_converter"] = requiring(client.data_converter, is_required)
    return Client(**config)


async def _end(workers: list[Worker], running: list[asyncio.Task[None]], timeout: float) -> None:
    endings = [asyncio.create_task(worker.shutdown()) for worker in workers]
    _, unfinished = await asyncio.wait(running, timeout=timeout)
    if unfinished:
        log.error("a worker did not end within %g s; it polls for nothing any more and is left behind", timeout)
    for task in (*endings, *unfinished):
        task.cancel()
