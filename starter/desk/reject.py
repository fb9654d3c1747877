"""A person's no to the plan that waits: the rebalance ends and sends none of its orders."""

from temporalio.client import Client

from contract.names import REJECT_UPDATE
from rebalancing.approval import Rejection
from starter.desk.approve import none_runs
from starter.desk.latest_run import handle_of
from starter.desk.updating import update_of


async def reject(client: Client, account: str, rejection: Rejection) -> str:
    """End the account's rebalance before it trades; what follows from it in words.

    Raises:
        NothingToApprove: no rebalance of the account is running.
        UpdateRefused: no plan of it waits.
    """
    with update_of(account, none_runs(account)):
        return await handle_of(client, account).execute_update(REJECT_UPDATE, rejection, result_type=str)
