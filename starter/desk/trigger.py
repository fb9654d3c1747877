"""Triggers: a person's request becomes one, and each is delivered to its account's workflow (promise P2)."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from temporalio.client import Client, WorkflowHandle
from temporalio.common import SearchAttributePair, TypedSearchAttributes

from contract.messages import RunInput, RunResult
from contract.names import ACCOUNT, REBALANCES_QUEUE, TRIGGER_SIGNAL, workflow_id
from rebalancing.triggers import OPERATOR_SOURCE, ExecutionMode, Trigger
from workflows.rebalance_account import RebalanceAccount

TASK_TIMEOUT: Final = timedelta(seconds=3)
"""How long a workflow task may take; it takes milliseconds. A worker killed in the middle of one is noticed after it,
and with Temporal's ten seconds that would be the longest pause of all."""


def requested(account: str, mode: ExecutionMode, event_id: str | None = None) -> Trigger:
    """What a person asks for now, to be delivered; it goes before events. Without an ``event_id`` it is a new one.

    Raises ``ValidationError`` for an ``event_id`` that is none.
    """
    return Trigger(
        account=account,
        event_id=f"{OPERATOR_SOURCE}-{uuid.uuid4()}" if event_id is None else event_id,
        mode=mode,
        source=OPERATOR_SOURCE,
        requested_at=datetime.now(UTC),
    )


async def deliver(client: Client, trigger: Trigger) -> WorkflowHandle[Any, RunResult]:
    """Signal the account's workflow, starting it if it does not run: durable as soon as this returns.

    Delivering the same event again is harmless; the workflow knows its id. Raises ``RPCError`` if Temporal cannot be
    reached; then nothing was accepted.
    """
    return await client.start_workflow(
        RebalanceAccount.run,
        RunInput(account=trigger.account),
        id=workflow_id(trigger.account),
        task_queue=REBALANCES_QUEUE,
        start_signal=TRIGGER_SIGNAL,
        start_signal_args=[trigger],
        task_timeout=TASK_TIMEOUT,
        search_attributes=TypedSearchAttributes([SearchAttributePair(ACCOUNT, trigger.account)]),
        static_summary=f"Rebalance of {trigger.account}",
    )
