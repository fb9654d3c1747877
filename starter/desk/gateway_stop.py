"""Stops everything that goes to the gateways, reads and cancels too, by the server's own word: a rate limit of 0.

It holds whatever the workers are and do, and outlives the server's end. What is in a slot already finishes.
"""

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import RateLimit
from temporalio.api.workflowservice.v1 import UpdateTaskQueueConfigRequest
from temporalio.client import Client

from contract.halts import HALT_ID
from contract.names import gateway_queue
from starter.desk.halt import NothingHeld, resume
from starter.desk.known_login import known_gateways
from starter.desk.task_queues import described, is_stopped


async def stop_gateways(client: Client, reason: str) -> tuple[str | None, ...]:
    """Let nothing reach any gateway; the gateways this was said of. Raises ``RPCError``."""
    gateways = await known_gateways(client)
    for gateway in gateways:
        await _limit(client, gateway, RateLimit(requests_per_second=0), reason)
    return gateways


async def resume_all(client: Client, who: str, reason: str) -> tuple[str | None, ...]:
    """End the halt, and let requests through to gateways that were stopped; which these were.

    Raises ``NothingHeld`` if there was neither.
    """
    started = await start_gateways(client, reason or "resume")
    try:
        await resume(client, HALT_ID, who, reason)
    except NothingHeld:
        if not started:  # otherwise the halt alone was ended before, as the plain `temporal` command does
            raise
    return started


async def start_gateways(client: Client, reason: str) -> tuple[str | None, ...]:
    """Let requests through again; the gateways that were stopped. Raises ``RPCError``."""
    stopped = await stopped_gateways(client)
    for gateway in stopped:
        await _limit(client, gateway, None, reason)
    return stopped


async def stopped_gateways(client: Client) -> tuple[str | None, ...]:
    """The gateways that nothing reaches. Raises ``RPCError``."""
    return tuple(
        [
            gateway
            for gateway in await known_gateways(client)
            if is_stopped(await described(client, gateway_queue(gateway)))
        ]
    )


async def _limit(client: Client, gateway: str | None, limit: RateLimit | None, reason: str) -> None:
    update = UpdateTaskQueueConfigRequest.RateLimitUpdate(reason=reason)
    if limit is not None:
        update.rate_limit.CopyFrom(limit)
    await client.workflow_service.update_task_queue_config(
        UpdateTaskQueueConfigRequest(
            namespace=client.namespace,
            identity=client.identity,
            task_queue=gateway_queue(gateway),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
            update_queue_rate_limit=update,
        )
    )
