"""``rebalancer run``: starting one account's rebalance by hand."""

from dataclasses import dataclass

from temporalio.client import Client

from rebalancing.accounts import Account
from rebalancing.triggers import EventStatus, ExecutionMode, Trigger
from starter.cli.console import error_console, output_console
from starter.cli.mistakes import FAILED
from starter.cli.setup import connect_temporal, gateway_name, read_setup, temporal_address
from starter.cli.stopping import stopped_by_signal
from starter.cli.tables import outcome_tables
from starter.cli.watch import Watch
from starter.desk.known_login import known_login
from starter.desk.mistakes import as_asked
from starter.desk.outcome import outcome_of
from starter.desk.trigger import deliver, requested


@dataclass(frozen=True)
class RunOptions:
    """What to run. Without ``live`` it is a dry run; without an ``event_id`` the event is a new one."""

    account: str
    live: bool
    wait: bool
    event_id: str | None


async def run_run_command(options: RunOptions) -> int:
    """Trigger a rebalance and, if asked to, wait for it; the exit status is 1 if it did not complete."""
    _, configuration = read_setup(may_be_simulated=True)
    account = configuration.account(options.account)
    mode = ExecutionMode.REBALANCE if options.live else ExecutionMode.DRY_RUN
    trigger = as_asked(requested, account=account.account_id, mode=mode, event_id=options.event_id)
    client = await connect_temporal()
    if options.live:
        error_console().print(await _destination(client, account), markup=False, soft_wrap=True)
    handle = await deliver(client, trigger)
    word = "rebalance" if options.live else "dry run (--live trades)"
    error_console().print(f"{handle.id}: {word} requested as event {trigger.event_id}", markup=False)
    if not options.wait:
        error_console().print(f"Watch it with `rebalancer status {account.account_id}`.", markup=False)
        return 0
    async with stopped_by_signal():
        return await _wait(client, trigger)


async def _destination(client: Client, account: Account) -> str:
    """Where a request that trades goes: to which server, through which gateway, to which login."""
    login = await known_login(client, account.gateway)
    told = f"as of its latest connection {login}" if login else "no worker has connected to it yet"
    if login and account.account_id not in login.accounts:
        told += f"; {account.account_id} is NOT among its accounts"
    return (
        f"{account.account_id} ({account.type.value}) by Temporal at {temporal_address()}, namespace "
        f"{client.namespace}, through {gateway_name(account.gateway)}: {told}."
    )


async def _wait(client: Client, trigger: Trigger) -> int:
    """Show the outcome, or the event's summary where a follow-up run has taken the outcome's place."""
    record, outcome = await outcome_of(client, trigger, Watch().show)
    console = output_console()
    if outcome is not None:
        console.print(outcome_tables(outcome))
    else:
        console.print(f"{trigger.account}: {record.status.value}. {record.summary}", markup=False)
    return 0 if record.status is EventStatus.COMPLETED else FAILED
