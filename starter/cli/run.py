"""``rebalancer run``: starting one account's rebalance by hand."""

from dataclasses import dataclass

from temporalio.client import Client

from configuration.configuration import Configuration
from rebalancing.account_names import AccountNames
from rebalancing.accounts import Account
from rebalancing.triggers import EventStatus, ExecutionMode, Trigger
from starter.cli.asking import confirmed, somebody_sits_here
from starter.cli.console import error_console, output_console, print_json
from starter.cli.mistakes import DONE, FAILED, WAITS_FOR_YOU
from starter.cli.operator import operator_name
from starter.cli.setup import connect_temporal, gateway_name, read_setup, temporal_address
from starter.cli.tables import outcome_tables
from starter.cli.waiting import waiting_for
from starter.cli.watch import Watch
from starter.desk.account_status import what_you_can_do
from starter.desk.known_login import known_login
from starter.desk.many import result_json
from starter.desk.mistakes import as_asked
from starter.desk.outcome import WaitsLong, not_sat_out, outcome_of
from starter.desk.standing import Place, Standing, standing_of
from starter.desk.trigger import deliver, requested


@dataclass(frozen=True)
class HowToAsk:
    """Whether to wait for what comes of it, to go on without a question, and to print JSON."""

    wait: bool = False
    yes: bool = False
    as_json: bool = False


@dataclass(frozen=True)
class RunOptions:
    """What to run. Without ``live`` it is a dry run; without an ``event_id`` the event is a new one."""

    account: str
    live: bool
    event_id: str | None
    how: HowToAsk


async def run_run_command(options: RunOptions) -> int:
    """Trigger a rebalance and, if asked to, wait for it. The exit status is 1 if it did not complete, 3 if it waits for
    a person."""
    _, configuration = read_setup(may_be_simulated=True)
    account = configuration.account(options.account)
    mode = ExecutionMode.REBALANCE if options.live else ExecutionMode.DRY_RUN
    trigger = as_asked(requested, account=account.account_id, mode=mode, event_id=options.event_id, by=operator_name())
    return await ask_for(await connect_temporal(), configuration, trigger, options.how)


async def ask_for(client: Client, configuration: Configuration, trigger: Trigger, how: HowToAsk) -> int:
    """Ask for a rebalance of one account; what trades is asked about where somebody sits at a terminal."""
    account = configuration.account(trigger.account)
    is_live = trigger.mode is ExecutionMode.REBALANCE
    if is_live:
        error_console().print(await destination(client, account, configuration.names), markup=False, soft_wrap=True)
        if not how.yes and somebody_sits_here() and not confirmed(f"Trade in {account.account_id}?"):
            error_console().print("Nothing was asked for.")
            return FAILED
    standing = await standing_of(client, trigger)
    handle = await deliver(client, trigger, account.strategy_name)
    word = "rebalance" if is_live else "dry run (--live trades)"
    error_console().print(f"{handle.id}: {word} requested as event {trigger.event_id}", markup=False)
    if standing.place is not Place.NEXT:
        error_console().print(f"{handle.id}: {standing}", style="yellow", markup=False)
    if not how.wait:
        _tell_request(trigger, standing, how)
        return DONE
    async with waiting_for(account.account_id):
        return await _wait(client, trigger, how)


async def destination(client: Client, account: Account, names: AccountNames) -> str:
    """Where a request that trades goes: to which server, through which gateway, to which login."""
    login = await known_login(client, account.gateway, names)
    told = f"as of its latest connection {login}" if login else "no worker has connected to it yet"
    if login and account.account_id not in login.accounts:
        told += f"; {account.account_id} is NOT among its accounts"
    return (
        f"{account.account_id} ({account.type.value}) by Temporal at {temporal_address()}, namespace "
        f"{client.namespace}, through {gateway_name(account.gateway)}: {told}."
    )


def _tell_request(trigger: Trigger, standing: Standing, how: HowToAsk) -> None:
    if how.as_json:
        told = {
            "account": trigger.account,
            "event_id": trigger.event_id,
            "mode": trigger.mode.value,
            "standing": standing.place.value,
            "told": str(standing),
        }
        print_json(told)
        return
    error_console().print(f"Watch it with `rebalancer status {trigger.account}`.", markup=False)


async def _wait(client: Client, trigger: Trigger, how: HowToAsk) -> int:
    """Show the outcome, or the event's summary where a follow-up run has taken the outcome's place."""
    try:
        record, outcome = await outcome_of(client, trigger, Watch().show, not_sat_out(trigger))
    except WaitsLong as waits:
        told = f"{waits} {what_you_can_do(waits.status)}"
        error_console().print(told, style="bold yellow", markup=False, soft_wrap=True)
        return WAITS_FOR_YOU
    if how.as_json:
        told = result_json(trigger.account, record.status.value, record.summary, outcome)
        print_json(told)
    elif outcome is not None:
        output_console().print(outcome_tables(outcome))
    else:
        output_console().print(f"{trigger.account}: {record.status.value}. {record.summary}", markup=False)
    return DONE if record.status is EventStatus.COMPLETED else FAILED
