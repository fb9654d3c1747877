"""``rebalancer resolve``: an operator's word on an order of unknown fate (promise P3)."""

from temporalio.client import WorkflowUpdateFailedError
from temporalio.service import RPCError

from contract.messages import Resolution
from starter.cli.console import error_console
from starter.cli.mistakes import CommandFailed, UserMistake, as_asked
from starter.cli.setup import connect_temporal
from starter.desk.rebalance import handle_of, is_unknown
from workflows.rebalance_account import RebalanceAccount


async def run_resolve_command(account: str, ref: str, filled: int | None, *, not_placed: bool) -> None:
    """Send the operator's word to the account's rebalance.

    Raises:
        UserMistake: neither or both of ``filled`` and ``not_placed`` are given.
        CommandFailed: no rebalance of the account runs, or it knows no such order of unknown fate.
    """
    if not_placed == (filled is not None):
        raise UserMistake("Give either --filled N or --not-placed.")
    resolution = as_asked(Resolution, ref=ref, filled=filled)
    handle = handle_of(await connect_temporal(), account)
    try:
        await handle.execute_update(RebalanceAccount.resolve, resolution)
    except WorkflowUpdateFailedError as error:
        raise CommandFailed(f"{account}: {error.cause}") from None
    except RPCError as error:
        if not is_unknown(error):
            raise
        raise CommandFailed(f"No rebalance of {account} is running; there is nothing to resolve.") from None
    error_console().print(f"{handle.id}: {ref} is resolved; the rebalance goes on.", markup=False)
