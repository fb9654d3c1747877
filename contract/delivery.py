"""How a trigger reaches its account's workflow, whoever delivers it: listener, person, schedule (promise P2)."""

from datetime import timedelta
from typing import Any, Final

from temporalio.client import Client, WorkflowHandle
from temporalio.common import SearchAttributePair, TypedSearchAttributes

from contract.messages import RunInput, RunResult
from contract.names import ACCOUNT, REBALANCES_QUEUE, TRIGGER_SIGNAL, WORKFLOW_TYPE, workflow_id
from contract.summaries import summary
from rebalancing.triggers import Trigger

TASK_TIMEOUT: Final = timedelta(seconds=3)
"""How long a workflow task may take; it takes milliseconds. A worker killed in the middle of one is noticed after it,
and with Temporal's ten seconds that would be the longest pause of all."""


async def deliver(client: Client, trigger: Trigger, strategy: str = "") -> WorkflowHandle[Any, RunResult]:
    """Signal the account's workflow, starting it if it does not run: durable as soon as this returns.

    ``strategy`` is what the account follows, for people who read the list of runs; the run itself looks it up.
    Delivering the same event again is harmless; the workflow knows its id. Raises ``RPCError`` if Temporal cannot be
    reached; then nothing was accepted.
    """
    return await client.start_workflow(
        WORKFLOW_TYPE,
        RunInput(account=trigger.account),
        result_type=RunResult,
        id=workflow_id(trigger.account),
        task_queue=REBALANCES_QUEUE,
        start_signal=TRIGGER_SIGNAL,
        start_signal_args=[trigger],
        task_timeout=TASK_TIMEOUT,
        search_attributes=TypedSearchAttributes([SearchAttributePair(ACCOUNT, trigger.account)]),
        static_summary=in_the_list(trigger, strategy),
    )


def in_the_list(trigger: Trigger, strategy: str = "") -> str:
    """A run in Temporal's UI, as in ``LIVE · etf-blend-301-20 · event e5``."""
    return summary(
        trigger.mode.word, strategy, f"asked for by {trigger.origin}" if trigger.is_of_a_person else trigger.origin
    )
