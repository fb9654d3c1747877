"""What one account's rebalance looks like from outside: its phase while it runs, its result when it is closed."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from temporalio.client import Client, WorkflowExecutionStatus, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError, CancelledError, TemporalError
from temporalio.service import RPCError

from contract.encryption import PayloadAltered, PayloadKeyUnknown
from contract.messages import RunResult
from contract.names import STATUS_QUERY, workflow_id
from contract.status import Status
from rebalancing.outcomes import Outcome, Phase
from starter.desk.temporal_errors import is_unknown
from workflows.rebalance_account import RebalanceAccount

QUERY_TIMEOUT: Final = timedelta(seconds=2)
"""A query needs a worker; without one it must not keep people waiting."""

ENDED: Final = frozenset(
    {
        WorkflowExecutionStatus.COMPLETED,
        WorkflowExecutionStatus.FAILED,
        WorkflowExecutionStatus.CANCELED,
        WorkflowExecutionStatus.TERMINATED,
        WorkflowExecutionStatus.TIMED_OUT,
    }
)
"""How a run may end for good; one that continues as a follow-up run has not."""


@dataclass(frozen=True)
class Ending:
    """How a run ended: its outcome, or what went wrong. ``status`` is completed, incomplete, failed or cancelled."""

    status: str
    outcome: Outcome | None
    message: str = ""


def handle_of(client: Client, account: str, run_id: str | None = None) -> WorkflowHandle[Any, RunResult]:
    """The account's workflow, whichever run is the latest, or this one."""
    return client.get_workflow_handle_for(RebalanceAccount.run, workflow_id(account), run_id=run_id)


async def has_ended(handle: WorkflowHandle[Any, RunResult]) -> bool | None:
    """Whether the account's rebalance is over, and no follow-up run goes on with it.

    ``None`` if it was never rebalanced, as far as the server remembers.
    """
    try:
        return (await handle.describe()).status in ENDED
    except RPCError as error:
        if is_unknown(error):
            return None
        raise


async def query_status(handle: WorkflowHandle[Any, RunResult]) -> Status | None:
    """The answer to the status query, or ``None`` if no worker gave one in time, or one that cannot be read."""
    answer = await status_or_error(handle)
    return answer if isinstance(answer, Status) else None


async def status_or_error(handle: WorkflowHandle[Any, RunResult]) -> Status | Exception:
    """The same with what a worker, or the server, said in the place of an answer."""
    try:
        return await handle.query(STATUS_QUERY, result_type=Status, rpc_timeout=QUERY_TIMEOUT)
    except (RPCError, TemporalError, ValueError, KeyError, PayloadKeyUnknown, PayloadAltered) as error:
        return error


async def ending_of(handle: WorkflowHandle[Any, RunResult]) -> Ending:
    """Wait until the account's workflow has ended, follow-up runs included."""
    try:
        result = await handle.result()
    except WorkflowFailureError as error:
        return failure_ending(error)
    outcome = result.outcome
    if outcome is None:
        return Ending(Phase.COMPLETED.value, None)
    return Ending(outcome.phase.value, outcome, outcome.missing)


def failure_ending(error: WorkflowFailureError) -> Ending:
    """How a run ended that returned nothing, in words."""
    cause = error.cause
    if isinstance(cause, CancelledError):
        return Ending("cancelled", None, "it was cancelled")
    if isinstance(cause, ApplicationError):
        return Ending("failed", None, f"{cause.type}: {cause.message}" if cause.type else cause.message)
    return Ending("failed", None, str(cause or error))
