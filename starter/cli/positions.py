"""``rebalancer positions``: what an account holds."""

from starter.cli.console import output_console
from starter.cli.setup import connect_temporal, read_setup
from starter.cli.stopping import stopped_by_signal
from starter.cli.tables import positions_table
from starter.desk.positions import read_positions


async def run_positions_command(account_id: str, *, as_json: bool) -> None:
    """Print an account's holdings."""
    _, configuration = read_setup(may_be_simulated=True)
    account = configuration.account(account_id)
    client = await connect_temporal()
    async with stopped_by_signal():
        snapshot = await read_positions(client, account)
    if as_json:
        print(snapshot.model_dump_json(indent=2))  # noqa: T201  # for programs
        return
    output_console().print(f"{snapshot.account} at {snapshot.taken_at:%Y-%m-%d %H:%M:%S} UTC", style="bold")
    output_console().print(positions_table(snapshot))
