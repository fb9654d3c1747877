"""Which processes run, and by which version of the configuration each goes.

Each says so in the identity with which it polls a queue that nothing is ever put on: the server tells who polls a
queue, and forgets who does not any more. That leaves no history, and shows nothing that has ended.
"""

import asyncio
import logging
import os
import platform
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError

from configuration.configuration_in_use import ConfigurationInUse
from contract.names import PROCESSES_QUEUE
from worker.idle_poll import idle_poll

log = logging.getLogger(__name__)

POLL: Final = timedelta(seconds=20)
"""How long one poll lasts; each is a sign of life."""

GONE_AFTER: Final = POLL + timedelta(seconds=15)
"""A process that was not heard of for so long has ended, or cannot reach the server."""

PAUSE: Final = 5.0
"""Seconds between polls that fail."""

LONGEST_IDENTITY: Final = 900
"""Characters; the server takes a thousand."""

REFUSED: Final = "; REFUSED: "


class ProcessInUse(NamedTuple):
    """What a running process says of itself: what it is, what it goes by, and what is wrong with its file if it is."""

    name: str
    told: str
    problem: str

    @classmethod
    def of(cls, identity: str) -> "ProcessInUse":
        """What an identity says."""
        name, _, rest = identity.partition(": ")
        told, _, problem = rest.partition(REFUSED)
        return cls(name, told, problem)

    @property
    def identity(self) -> str:
        """As it is said to the server."""
        problem = f"{REFUSED}{' '.join(self.problem.split())}" if self.problem else ""
        return f"{self.name}: {self.told}{problem}"[:LONGEST_IDENTITY]

    def __str__(self) -> str:
        known = f"{self.name} goes by {self.told}"
        return f"{known}, because what came after it is refused: {self.problem}" if self.problem else known


async def show(client: Client, role: str, configuration: ConfigurationInUse) -> None:
    """Have the server tell whoever asks that this process runs, and by what; until cancelled."""
    name = f"{role} {os.getpid()}@{platform.node()}"
    while True:
        changed = asyncio.create_task(configuration.change())
        polling = asyncio.create_task(
            _poll(client, ProcessInUse(name, str(configuration), configuration.problem).identity)
        )
        try:
            await asyncio.wait({changed, polling}, return_when=asyncio.FIRST_COMPLETED)
            if polling.done():
                polling.result()
        finally:
            changed.cancel()
            polling.cancel()


async def running(client: Client) -> list[ProcessInUse]:
    """The processes that run at this server, by name. Raises ``RPCError``."""
    described = await client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=client.namespace,
            task_queue=TaskQueue(name=PROCESSES_QUEUE),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
        )
    )
    now = datetime.now(UTC)
    found: dict[str, ProcessInUse] = {}
    for poller in sorted(described.pollers, key=lambda poller: poller.last_access_time.ToNanoseconds()):
        if now - poller.last_access_time.ToDatetime(tzinfo=UTC) < GONE_AFTER:
            process = ProcessInUse.of(poller.identity)
            found[process.name] = process
    return [found[name] for name in sorted(found)]


async def _poll(client: Client, identity: str) -> None:
    while True:
        try:
            await idle_poll(client, PROCESSES_QUEUE, identity, POLL)
        except (RPCError, RuntimeError) as error:
            log.debug("this process cannot be shown at the moment: %s", error)
            await asyncio.sleep(PAUSE)
