"""A poll of a queue that nothing is ever put on. It is there to be seen, and it ends with the server it was sent to."""

from datetime import timedelta

from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import PollActivityTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode


async def idle_poll(client: Client, queue: str, identity: str, longest: timedelta) -> None:
    """Poll the queue as ``identity`` until the server or the time, ``longest``, ends it.

    Raises ``RPCError`` if the server ended, or refuses, and ``RuntimeError`` on a client that was never connected yet.
    """
    request = PollActivityTaskQueueRequest(
        namespace=client.namespace, task_queue=TaskQueue(name=queue), identity=identity
    )
    try:
        await client.workflow_service.poll_activity_task_queue(request, timeout=longest)
    except RPCError as error:
        # The server mostly answers before the time is over; where it does not, that is no failure.
        if error.status is not RPCStatusCode.DEADLINE_EXCEEDED:
            raise
