"""Triggers: a person's request becomes one, to be delivered to its account's workflow (promise P2)."""

import uuid
from datetime import UTC, datetime
from typing import Any

from temporalio.client import Client, WorkflowHandle

from contract import delivery
from contract.messages import RunResult
from rebalancing.triggers import OPERATOR_SOURCE, ExecutionMode, Trigger
from starter.desk.sealing import sealed_trigger


async def deliver(client: Client, trigger: Trigger, strategy: str = "") -> WorkflowHandle[Any, RunResult]:
    """Deliver it (``contract.delivery``), sealed with this process's key where it trades and has no seal yet.

    Raises ``RPCError`` if Temporal cannot be reached; ``KeyFileUnusable``, ``KeyMissing`` or ``KeyUnknown``.
    """
    return await delivery.deliver(client, sealed_trigger(trigger), strategy)


def requested(
    account: str, mode: ExecutionMode, event_id: str | None = None, by: str = "", source: str = OPERATOR_SOURCE
) -> Trigger:
    """What a person asks for now, to be delivered; it goes before events. Without an ``event_id`` it is a new one.
    ``by`` is who asks, ``source`` by which way.

    Raises ``ValidationError`` for an ``event_id`` that is none.
    """
    return Trigger(
        account=account,
        event_id=f"{source}-{uuid.uuid4()}" if event_id is None else event_id,
        mode=mode,
        source=source,
        requested_at=datetime.now(UTC),
        by=by,
    )
