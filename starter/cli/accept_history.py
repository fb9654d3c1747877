"""``rebalancer accept-history`` and ``history-restored``: going on with a history that is not whole."""

from starter.cli.asking import confirmed, somebody_sits_here
from starter.cli.console import error_console, tell
from starter.cli.mistakes import CommandFailed
from starter.cli.operator import operator_name
from starter.cli.setup import connect_temporal, read_setup
from starter.desk.accept_history import accept_history, read_doubt, say_restored
from starter.desk.mistakes import UserMistake


async def run_accept_history_command(account: str, *, yes: bool, as_json: bool) -> None:
    """Show what the broker has of today and the history does not, and have it accepted."""
    configuration = read_setup(may_be_simulated=True).configuration
    configured = configuration.configured(account)
    client = await connect_temporal()
    doubt = await read_doubt(client, configured)
    for line in doubt.lines:
        error_console().print(line, markup=False, soft_wrap=True)
    if not yes:
        if not somebody_sits_here():
            raise UserMistake("Nobody sits here who could be asked: look at this, then give --yes.")
        if not confirmed(f"Let {account} trade from what it holds?"):
            raise CommandFailed("Nothing was changed.")
    await accept_history(client, account, doubt, operator_name())
    tell(
        f"{account} trades again, from what it holds; what waited reads everything anew.",
        as_json=as_json,
        account=account,
        orders=[order.ref for order in doubt.orders],
    )


async def run_history_restored_command(reason: str, *, as_json: bool) -> None:
    """For a server whose database was put back by its own means."""
    if not reason.isprintable():
        raise UserMistake("reason: only text that can be printed is taken.")
    configuration = read_setup(may_be_simulated=True).configuration
    at = await say_restored(await connect_temporal(), configuration, reason, operator_name())
    tell(
        f"What was asked for before {at:%Y-%m-%d %H:%M:%S} UTC is not traded any more, and no account trades until "
        "`rebalancer accept-history ACCOUNT`.",
        as_json=as_json,
        at=at.isoformat(),
    )
