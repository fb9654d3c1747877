"""Tells an account's rebalance what became of an order of unknown fate (promise P3)."""

from temporalio.client import Client

from contract.messages import Resolution
from rebalancing.failures import NothingToResolve
from starter.desk.latest_run import handle_of
from starter.desk.updating import update_of
from workflows.rebalance_account import RebalanceAccount


async def resolve(client: Client, account: str, resolution: Resolution) -> None:
    """Give an operator's word to the account's rebalance, which then goes on.

    Raises:
        NothingToResolve: no rebalance of the account is running.
        UpdateRefused: it knows no such order of unknown fate, or the word cannot be true.
    """
    nothing = NothingToResolve(f"No rebalance of {account} is running; there is nothing to resolve.")
    with update_of(account, nothing):
        await handle_of(client, account).execute_update(RebalanceAccount.resolve, resolution)
