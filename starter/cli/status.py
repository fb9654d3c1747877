"""``rebalancer status``: where the accounts stand, and by what the processes go."""

import json

from rich.table import Table
from rich.text import Text
from temporalio.client import Client
from temporalio.service import RPCError

from starter.cli.console import error_console, output_console
from starter.cli.plan_view import waiting_view
from starter.cli.setup import connect_temporal
from starter.cli.tables import PHASE_STYLES, orders_table
from starter.desk.processes import running
from starter.desk.status import AccountStatus, read_statuses


async def run_status_command(account: str | None, *, as_json: bool) -> None:
    """Print the status of one account or of all."""
    client = await connect_temporal()
    statuses = await read_statuses(client, account)
    await _show_processes(client, only_problems=as_json)
    if as_json:
        print(json.dumps([status.as_json() for status in statuses], indent=2))  # noqa: T201  # for programs
        return
    console = output_console()
    if not statuses:
        of = f" of {account}" if account else ""
        console.print(f"No rebalance{of} is known to this Temporal server.", markup=False)
        return
    console.print(_table(statuses))
    if account is not None and statuses[0].orders:
        console.print(orders_table(statuses[0].orders))
    if account is not None and (waiting := statuses[0].waiting_plan):
        console.print(waiting_view(account, waiting))


async def _show_processes(client: Client, *, only_problems: bool) -> None:
    """Say by which version of the configuration each process goes, and loudly where that is not the file's."""
    try:
        processes = await running(client)
    except RPCError:  # some servers let nobody ask; what the accounts do is shown all the same
        return
    is_mixed = len({process.told for process in processes}) > 1
    for process in processes:
        if process.problem or is_mixed or not only_problems:
            style = "bold red" if process.problem else "yellow" if is_mixed else "dim"
            error_console().print(str(process), style=style, markup=False, soft_wrap=True)


def _table(statuses: list[AccountStatus]) -> Table:
    table = Table()
    for heading in ("account", "strategy", "mode", "phase", "since (UTC)", "last event"):
        table.add_column(heading)
    for status in statuses:
        event = status.last_event
        told = event.summary or f"{event.event_id} {event.status.value}" if event else ""
        table.add_row(
            status.account,
            status.strategy,
            status.mode,
            Text.assemble(
                (status.phase, PHASE_STYLES.get(status.phase, "bold" if status.is_running else "")),
                f" {status.detail}".rstrip(),
            ),
            f"{status.since:%Y-%m-%d %H:%M:%S}",
            Text(told),
        )
    return table
