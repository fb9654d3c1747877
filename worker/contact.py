"""Whether Temporal's server can be reached."""

import asyncio
from datetime import timedelta
from typing import Final

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

LOOKS_EVERY: Final = 0.5
"""Seconds between two looks: no database is put back, with the server ended and started, in less."""

LONGEST_SILENCE: Final = timedelta(seconds=10)
"""A server that does not answer for so long may have been ended as well."""

AWAY: Final = (RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED)
"""What a look ends with when there is no server. Any other refusal comes from one."""


async def until_contact_is_lost(client: Client) -> None:
    """Return once the server cannot be reached."""
    while await _is_there(client):  # noqa: ASYNC110  # another process's state
        await asyncio.sleep(LOOKS_EVERY)


async def until_contact_is_back(client: Client) -> None:
    """Return once the server can be reached."""
    while not await _is_there(client):  # noqa: ASYNC110  # another process's state
        await asyncio.sleep(LOOKS_EVERY)


async def _is_there(client: Client) -> bool:
    try:
        await client.service_client.check_health(timeout=LONGEST_SILENCE)
    except RPCError as error:
        return error.status not in AWAY
    return True
