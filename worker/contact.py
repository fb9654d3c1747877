"""Whether Temporal's server is still the one it was."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final, TypeVar

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from contract.names import CONTACT_QUEUE
from worker.idle_poll import idle_poll

log = logging.getLogger(__name__)

T = TypeVar("T")

LONGEST_POLL: Final = timedelta(seconds=90)
"""Longer than a server lets a poll wait, which is a minute."""

REFUSALS: Final = frozenset(
    {
        RPCStatusCode.RESOURCE_EXHAUSTED,
        RPCStatusCode.PERMISSION_DENIED,
        RPCStatusCode.UNAUTHENTICATED,
        RPCStatusCode.NOT_FOUND,
        RPCStatusCode.INVALID_ARGUMENT,
        RPCStatusCode.FAILED_PRECONDITION,
        RPCStatusCode.UNIMPLEMENTED,
    }
)
"""Only a server that is there says these."""

ASKED_AGAIN: Final = 0.2
"""Seconds until a server is asked again that was away."""

REFUSED_PAUSE: Final = 1.0
"""Seconds until a poll is sent again that the server refused."""


async def patiently(work: Callable[[], Awaitable[T]]) -> T:
    """Do this once the server is there: one that is away, or has too much to do, is waited for. Raises ``RPCError``."""
    while True:
        try:
            return await work()
        except RPCError as error:
            if error.status in REFUSALS and error.status is not RPCStatusCode.RESOURCE_EXHAUSTED:
                raise
            log.debug("Temporal is asked again later: %s", error)
            await asyncio.sleep(ASKED_AGAIN)


async def until_contact_is_lost(client: Client) -> None:
    """Return once the server has ended, however soon another is in its place; a frozen one is waited for."""
    while True:
        try:
            await idle_poll(client, CONTACT_QUEUE, client.identity, LONGEST_POLL)
        except RPCError as error:
            if error.status not in REFUSALS:
                return
            await asyncio.sleep(REFUSED_PAUSE)
