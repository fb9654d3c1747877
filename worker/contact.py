"""Whether Temporal's server can be reached."""

import asyncio
from datetime import timedelta
from typing import Final
from uuid import uuid4

from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import PollActivityTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

LOOKS_EVERY: Final = 0.2
"""Seconds between two looks whether the server is back."""

LOOK_TIMEOUT: Final = timedelta(seconds=10)

LONGEST_POLL: Final = timedelta(seconds=90)
"""Longer than a server lets a poll wait, which is a minute."""

STILL_THERE: Final = (RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.RESOURCE_EXHAUSTED)
"""What a poll may end with although the server was never away: it is frozen, or refuses more polls for the moment."""


async def until_contact_is_lost(client: Client) -> None:
    """Return once the server has ended, however soon another is in its place.

    A poll for activities that nobody will ever schedule is open all the time: it ends with the server it was sent to.
    """
    request = PollActivityTaskQueueRequest(
        namespace=client.namespace, task_queue=TaskQueue(name=f"contact-{uuid4().hex}"), identity=client.identity
    )
    while True:
        try:
            await client.workflow_service.poll_activity_task_queue(request, timeout=LONGEST_POLL)
        except RPCError as error:
            if error.status not in STILL_THERE:
                return
            await asyncio.sleep(LOOKS_EVERY)


async def until_contact_is_back(client: Client) -> None:
    """Return once the server can be reached."""
    while not await _is_there(client):  # noqa: ASYNC110  # another process's state
        await asyncio.sleep(LOOKS_EVERY)


async def _is_there(client: Client) -> bool:
    try:
        await client.service_client.check_health(timeout=LOOK_TIMEOUT)
    except RPCError as error:
        return error.status in (RPCStatusCode.UNIMPLEMENTED, RPCStatusCode.NOT_FOUND, RPCStatusCode.PERMISSION_DENIED)
    return True
