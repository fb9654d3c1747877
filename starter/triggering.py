"""Delivers triggers to workflows (promise P2)."""

from typing import Any

from temporalio.client import Client, WorkflowHandle

from rebalancing.triggers import Trigger
from workflows.names import REBALANCES_QUEUE, TRIGGER_SIGNAL, workflow_id
from workflows.rebalance_account import RebalanceAccount, RunInput, RunResult


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
        static_summary=f"Rebalance of {trigger.account}",
    )
