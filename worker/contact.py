"""Whether Temporal's server is still the one it was."""

import asyncio
from datetime import timedelta
from typing import Final

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from contract.names import CONTACT_QUEUE
from worker.idle_poll import idle_poll

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

REFUSED_PAUSE: Final = 1.0
"""Seconds until a poll is sent again that the server refused."""


async def until_contact_is_lost(client: Client) -> None:
    """Return once the server has ended, however soon another is in its place; a frozen one is waited for."""
    while True:
        try:
            await idle_poll(client, CONTACT_QUEUE, client.identity, LONGEST_POLL)
        except RPCError as error:
            if error.status not in REFUSALS:
                return
            await asyncio.sleep(REFUSED_PAUSE)
