"""Whether a rebalance could be carried out now: who polls the queues, by the server's own word."""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError

from contract.names import gateway_queue
from starter.desk.temporal_errors import is_away

ANSWER_WITHIN: Final = timedelta(seconds=2)
"""How long the server may take to say who polls."""

POLLED_WITHIN: Final = timedelta(seconds=75)
"""A worker polls anew at least once a minute; one that was not heard of for longer has lost its gateway or ended."""


async def is_gateway_connected(client: Client, gateways: Iterable[str | None]) -> bool | None:
    """Whether a worker holds the connection to each of these gateways; ``None`` where Temporal does not tell."""
    try:
        return all(await asyncio.gather(*(is_polled(client, gateway_queue(gateway)) for gateway in gateways)))
    except RPCError:
        return None
    except RuntimeError as error:
        if not is_away(error):
            raise
        return None


async def is_polled(client: Client, queue: str) -> bool:
    """Whether a worker takes activities from this queue. Raises ``RPCError``."""
    described = await client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=client.namespace,
            task_queue=TaskQueue(name=queue),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
        ),
        timeout=ANSWER_WITHIN,
    )
    now = datetime.now(UTC)
    polled = (now - poller.last_access_time.ToDatetime(tzinfo=UTC) for poller in described.pollers)
    return any(since < POLLED_WITHIN for since in polled)
