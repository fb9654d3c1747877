"""A person's yes to the plan that waits for it, and to no other."""

from temporalio.client import Client

from contract.names import APPROVE_UPDATE
from rebalancing.approval import Approval, WaitingPlan
from rebalancing.failures import NothingToApprove
from starter.desk.latest_run import handle_of, query_status
from starter.desk.sealing import own_key, sealed_approval
from starter.desk.updating import update_of


def none_runs(account: str) -> NothingToApprove:
    """For an account of which no rebalance is running."""
    return NothingToApprove(f"No rebalance of {account} is running; no plan waits for approval.")


async def waiting_plan(client: Client, account: str) -> WaitingPlan:
    """The account's plan that waits for a person. Raises ``NothingToApprove``."""
    status = await query_status(handle_of(client, account))
    if status is None:
        raise NothingToApprove(f"Nothing is known of a waiting plan of {account}: no rebalance, or no worker answers.")
    if status.waiting_plan is None:
        raise NothingToApprove(
            f"No plan of {account} waits for approval; its rebalance is in the phase {status.phase}."
        )
    return status.waiting_plan


async def approve(client: Client, account: str, approval: Approval) -> str:
    """Approve of the plan with this hash; what follows from it in words.

    Raises:
        NothingToApprove: no rebalance of the account is running.
        UpdateRefused: no plan of it waits, or another one.
    """
    handle = handle_of(client, account)
    with update_of(account, none_runs(account)):
        if own_key() is not None and not approval.seal:
            approval = sealed_approval(approval, account, (await handle.describe()).run_id)
        return await handle.execute_update(APPROVE_UPDATE, approval, result_type=str)
