"""``rebalancer cancel``: stopping one account's rebalance by hand."""

from starter.cli.console import error_console, output_console, tell
from starter.cli.setup import connect_temporal, read_setup
from starter.cli.stopping import stopped_by_signal
from starter.desk.cancel import cancel, told_at_end
from starter.desk.cancel_orders import cancel_at_broker


async def run_cancel_command(account: str, *, at_broker: bool = False, as_json: bool) -> None:
    """Cancel an account's rebalance, wait until its working orders are cancelled, and tell what had filled.

    ``at_broker``: its orders are cancelled through the gateway, and no workflow is waited for.
    """
    client = await connect_temporal()
    if at_broker:
        configuration = read_setup(may_be_simulated=True).configuration
        async with stopped_by_signal():
            told = await cancel_at_broker(client, configuration, account)
    else:
        handle = await cancel(client, account)
        error_console().print(f"{handle.id}: cancelling; working orders are cancelled first …", markup=False)
        async with stopped_by_signal():
            told = await told_at_end(handle)
    if as_json:
        tell(told, as_json=True, account=account)
    else:
        output_console().print(f"{account}: {told}", markup=False)
