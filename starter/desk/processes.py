"""Which processes run, and by which version of the configuration each goes."""

from datetime import UTC, datetime, timedelta
from typing import Final

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client

from contract.names import PROCESSES_QUEUE
from contract.process_in_use import POLL, ProcessInUse

GONE_AFTER: Final = POLL + timedelta(seconds=15)
"""A process that was not heard of for so long has ended, or cannot reach the server."""


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
