"""Tells an account's rebalance what became of an order of unknown fate (promise P3)."""

from temporalio.client import Client

from contract.messages import Resolution
from contract.names import RESOLVE_UPDATE
from rebalancing.failures import NothingToResolve
from starter.desk.latest_run import handle_of
from starter.desk.sealing import own_key, sealed_resolution
from starter.desk.updating import update_of


async def resolve(client: Client, account: str, resolution: Resolution) -> None:
    """Give an operator's word to the account's rebalance, which then goes on.

    Raises:
        NothingToResolve: no rebalance of the account is running.
        UpdateRefused: it knows no such order of unknown fate, or the word cannot be true.
    """
    nothing = NothingToResolve(f"No rebalance of {account} is running; there is nothing to resolve.")
    handle = handle_of(client, account)
    with update_of(account, nothing):
        if own_key() is not None and not resolution.seal:
            resolution = sealed_resolution(resolution, account, (await handle.describe()).run_id)
        await handle.execute_update(RESOLVE_UPDATE, resolution)
