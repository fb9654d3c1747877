"""``rebalancer run``: starting one account's rebalance by hand."""

import asyncio
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from rich.console import Console
from temporalio.client import Client, WorkflowHandle

from contract.messages import RunResult
from rebalancing.accounts import Account
from rebalancing.outcomes import Outcome
from rebalancing.triggers import OPERATOR_SOURCE, EventRecord, EventStatus, ExecutionMode, Trigger
from starter.cli.console import error_console, output_console
from starter.cli.mistakes import FAILED, CommandFailed, as_asked
from starter.cli.setup import connect_temporal, gateway_name, read_setup, temporal_address
from starter.cli.stopping import stopped_by_signal
from starter.cli.tables import outcome_tables
from starter.desk.rebalance import ending_of, handle_of, has_ended, query_status
from starter.desk.triggering import deliver
from worker.login import known_login
from workflows.progress import Status

POLL_INTERVAL: Final = 0.25
"""Seconds between two looks at a rebalance that is waited for."""

NO_ANSWER_AFTER: Final = 5.0
"""Seconds without an answer after which people are told that no worker seems to run."""

OVER: Final = frozenset(EventStatus) - {EventStatus.PENDING, EventStatus.RUNNING}


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
    event_id = f"cli-{uuid.uuid4()}" if options.event_id is None else options.event_id
    trigger = as_asked(
        Trigger,
        account=account.account_id,
        event_id=event_id,
        mode=mode,
        source=OPERATOR_SOURCE,
        requested_at=datetime.now(UTC),
    )
    client = await connect_temporal()
    if options.live:
        error_console().print(await _destination(client, account), markup=False, soft_wrap=True)
    handle = await deliver(client, trigger)
    word = "rebalance" if options.live else "dry run (--live trades)"
    error_console().print(f"{handle.id}: {word} requested as event {event_id}", markup=False)
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


async def outcome_of(client: Client, trigger: Trigger) -> tuple[EventRecord, Outcome | None]:
    """Wait until the event is over, saying on standard error where it stands.

    The outcome is that of the latest run; it is ``None`` if a follow-up run has taken its place.

    Raises:
        CommandFailed: the run ended without knowing the event.
    """
    handle = handle_of(client, trigger.account)
    watch = _Watch(error_console())
    while True:
        status = await query_status(handle)
        watch.show(status)
        record = status.events.find(trigger.event_id, trigger.mode) if status else None
        if record is not None and record.status in OVER:
            return record, await _latest_outcome(handle, trigger)
        if record is None and await has_ended(handle):
            ending = await ending_of(handle)
            raise CommandFailed(f"{trigger.account}: {ending.status}. {ending.message}")
        await asyncio.sleep(POLL_INTERVAL)


async def _wait(client: Client, trigger: Trigger) -> int:
    """Show the outcome, or the event's summary where a follow-up run has taken the outcome's place."""
    record, outcome = await outcome_of(client, trigger)
    console = output_console()
    if outcome is not None:
        console.print(outcome_tables(outcome))
    else:
        console.print(f"{trigger.account}: {record.status.value}. {record.summary}", markup=False)
    return 0 if record.status is EventStatus.COMPLETED else FAILED


async def _latest_outcome(handle: WorkflowHandle[Any, RunResult], trigger: Trigger) -> Outcome | None:
    ending = await ending_of(handle) if await has_ended(handle) else None
    outcome = ending.outcome if ending else None
    return outcome if outcome is not None and trigger.event_id in outcome.event_ids else None


class _Watch:
    """Prints a line whenever a rebalance enters another phase, and once if nobody answers."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._shown = ""
        self._asked_since = asyncio.get_running_loop().time()
        self._has_warned = False

    def show(self, status: Status | None) -> None:
        now = asyncio.get_running_loop().time()
        if status is None:
            if now - self._asked_since > NO_ANSWER_AFTER and not self._has_warned:
                self._has_warned = True
                self._console.print(
                    "No worker answers. The request is safe and is carried out once one runs (`rebalancer worker`).",
                    style="yellow",
                )
            return
        self._asked_since = now
        line = f"{status.phase.value} {status.detail}".strip()
        if line != self._shown:
            self._shown = line
            self._console.print(f"{status.account}  {line}", markup=False)
