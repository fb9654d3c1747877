"""Cancels one account's rebalance: its working orders first (promise P8)."""

from typing import Any

from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError

from contract.messages import RunResult
from rebalancing.errors import RebalancerError
from starter.desk.latest_run import ending_of, handle_of, has_ended, query_status
from starter.desk.temporal_errors import is_unknown


class NothingToCancel(RebalancerError):
    """No rebalance of the account runs, or not any more."""


async def cancel(client: Client, account: str) -> WorkflowHandle[Any, RunResult]:
    """Ask the account's rebalance to cancel its working orders and to end; ``told_at_end`` waits until it has.

    Raises:
        NothingToCancel: none is running.
    """
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


async def told_at_end(handle: WorkflowHandle[Any, RunResult]) -> str:
    """Wait until a rebalance that is cancelled has ended, and tell what had filled by then."""
    ending = await ending_of(handle)
    status = await query_status(handle)
    filled = status.events.records[-1].summary if status and status.events.records else ""
    return filled or ending.message or ending.status
