"""What the server says of a task queue: who polls it, what waits in it, and whether it is stopped."""

from datetime import UTC, datetime, timedelta
from typing import Final

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest, DescribeTaskQueueResponse
from temporalio.client import Client

from contract.process_in_use import POLL

GONE_AFTER: Final = POLL + timedelta(seconds=15)
"""Who was not heard of for so long has ended, or cannot reach the server."""


async def described(client: Client, queue: str, within: timedelta | None = None) -> DescribeTaskQueueResponse:
    """All of it, as activities are taken from it. Raises ``RPCError``, also where it is not told ``within`` a time."""
    return await client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=client.namespace,
            task_queue=TaskQueue(name=queue),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
            report_stats=True,
            report_config=True,
        ),
        timeout=within,
    )


LONGEST_POLL: Final = timedelta(minutes=1)
"""So long a worker's poll waits for something to do; it is heard of again when it polls anew."""


def heard_of(queue: DescribeTaskQueueResponse, gone_after: timedelta = GONE_AFTER) -> list[str]:
    """The identities of those who polled it lately, whoever was heard of last at the end."""
    now = datetime.now(UTC)
    pollers = sorted(queue.pollers, key=lambda poller: poller.last_access_time.ToNanoseconds())
    return [each.identity for each in pollers if now - each.last_access_time.ToDatetime(tzinfo=UTC) < gone_after]


def is_stopped(queue: DescribeTaskQueueResponse) -> bool:
    """Whether nothing is taken from it: its rate is limited to 0 (``starter.desk.gateway_stop``)."""
    limit = queue.config.queue_rate_limit
    return limit.HasField("rate_limit") and limit.rate_limit.requests_per_second == 0
