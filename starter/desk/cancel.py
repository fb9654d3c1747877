"""Cancels one account's rebalance: its working orders first (promise P8)."""

from typing import Any

from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle
from temporalio.service import RPCError

from contract.messages import RunResult
from rebalancing.errors import RebalancerError
from starter.desk.latest_run import ending_of, handle_of, has_ended, query_status, status_or_error
from starter.desk.stuck_code import why_unanswered
from starter.desk.temporal_errors import is_unknown


class NothingToCancel(RebalancerError):
    """No rebalance of the account runs, or not any more.

    Do: nothing; ``rebalancer status ACCOUNT`` shows how it stands.
    """


class CancelUnheard(RebalancerError):
    """It was asked for, and no worker carries it out now; the message says why, and what cancels orders past it.

    Do: ``rebalancer cancel --at-broker ACCOUNT`` cancels its orders through the gateway, ``rebalancer pause ACCOUNT``
    lets it send no more; ``rebalancer doctor`` says why no worker goes on. It ends once one does.
    """


async def cancel(client: Client, account: str) -> WorkflowHandle[Any, RunResult]:
    """Ask the account's rebalance to cancel its working orders and to end; ``told_at_end`` waits until it has.

    Raises:
        NothingToCancel: none is running.
        CancelUnheard: no worker has what it takes to go on with it, or none runs.
    """
    handle = await ask_to_end(client, account)
    answer = await status_or_error(handle)
    if isinstance(answer, Exception):
        await _raise_unheard(client, handle, account, answer)
    return handle


async def ask_to_end(client: Client, account: str) -> WorkflowHandle[Any, RunResult]:
    """The same without a look at whether a worker hears of it. Raises ``NothingToCancel``."""
    handle = handle_of(client, account)
    if await has_ended(handle) is not False:
        raise NothingToCancel(f"No rebalance of {account} is running; there is nothing to cancel.")
    try:
        await handle.cancel()
    except RPCError as error:
        if not is_unknown(error):
            raise
        raise NothingToCancel(f"The rebalance of {account} ended before it could be cancelled.") from None
    return handle


async def _raise_unheard(client: Client, handle: WorkflowHandle[Any, RunResult], account: str, said: Exception) -> None:
    description = await handle.describe()
    if description.status is not WorkflowExecutionStatus.RUNNING:
        return
    why = await why_unanswered(client, description, said)
    raise CancelUnheard(
        f"The rebalance of {account} was asked to end, and will once a worker goes on with it; now {why}. Orders of it "
        f"may be at work: `rebalancer cancel --at-broker {account}` cancels them through the gateway, "
        "`rebalancer doctor` says what is wrong."
    )


async def told_at_end(handle: WorkflowHandle[Any, RunResult]) -> str:
    """Wait until a rebalance that is cancelled has ended, and tell what had filled by then."""
    ending = await ending_of(handle)
    status = await query_status(handle)
    filled = status.events.records[-1].summary if status and status.events.records else ""
    return filled or ending.message or ending.status
