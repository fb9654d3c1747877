"""Where the accounts stand: by the server's own list, and, of those that run, by what a worker and the server add.

However many accounts there are, the server is asked a bounded number of things: two pages of runs, a look each at
configured accounts that are not in them, and details of at most ``MOST_ASKED`` running ones.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final, TypeVar

from temporalio.client import Client, WorkflowExecution
from temporalio.service import RPCError

from contract.encryption import PayloadAltered, PayloadKeyUnknown
from contract.halts import HALT_ID, Halt, history_pause_id, pause_id, strategy_pause_id
from contract.memory import memory_of, newest_event_of
from contract.names import account_of, workflow_id
from contract.status import Status
from rebalancing.accounts import Account
from rebalancing.errors import AccountUnknown
from rebalancing.outcomes import Phase
from rebalancing.triggers import EventRing, ExecutionMode
from starter.desk.account_status import NEVER_RUN, UNTOLD, AccountStatus
from starter.desk.latest_run import ending_of, handle_of, status_or_error
from starter.desk.pending_steps import PendingStep, pending_steps, positions
from starter.desk.runs import PAGE, Run, listed_runs, run_of
from starter.desk.stuck_code import why_unanswered
from starter.desk.temporal_errors import is_unknown

T = TypeVar("T")
About = TypeVar("About")

MOST_ASKED: Final = 100
"""Of so many running accounts details are asked, those first that wait for a person; of the others the list tells."""

MOST_LOOKED_UP: Final = 200
"""So many accounts have their last live run looked for, where it is not among the latest live runs of all."""

AT_ONCE: Final = 50
"""Requests to the server that are on their way at the same time."""

OWN_RUNS: Final = 20
"""So many runs of one account are looked through for one that did something."""

CLOSED_LIVE: Final = f"ExecutionMode = '{ExecutionMode.REBALANCE}' AND ExecutionStatus != 'Running'"

NOT_ASKED: Final = f"details are asked of {MOST_ASKED} running accounts only; name this one to see its own"

Found = tuple[WorkflowExecution, ...] | RPCError
"""Some runs of an account, or why they cannot be told."""


async def read_statuses(
    client: Client, account: str | None = None, configured: Sequence[Account] = ()
) -> list[AccountStatus]:
    """How every account stands that is configured, and every other of which a run is among the latest; by account.

    With ``account``: this one only. One that cannot be told says so and hides no other. Raises ``RPCError`` if the
    server lists nothing at all.
    """
    known = {own.account_id: own for own in configured if account in (None, own.account_id)}
    return await _with_details(client, await _listed_statuses(client, account, known))


async def listed_statuses(client: Client, configured: Sequence[Account]) -> list[AccountStatus]:
    """The same of all accounts by the server's list alone: phases, and how the last live runs ended.

    Raises ``RPCError`` if the server lists nothing at all.
    """
    return await _listed_statuses(client, None, {own.account_id: own for own in configured})


async def _listed_statuses(client: Client, account: str | None, known: Mapping[str, Account]) -> list[AccountStatus]:
    found = await _latest_runs(client, account, known)
    statuses = [await _listed(name, found[name], known.get(name), account) for name in sorted(found)]
    return await _with_last_live(client, statuses)


async def status_of(client: Client, account: str, configured: Sequence[Account]) -> AccountStatus:
    """One account. Raises ``AccountUnknown`` for one that is not configured and never ran, as far as is known."""
    found = await read_statuses(client, account, configured)
    if not found:
        known = ", ".join(own.account_id for own in configured) or "none"
        raise AccountUnknown(f"{account} is not in the configuration and never ran here; configured: {known}.")
    return found[0]


def held(statuses: Iterable[AccountStatus], halts: Sequence[Halt]) -> list[AccountStatus]:
    """These, each with what holds its orders back."""
    by_id = {halt.workflow_id: str(halt) for halt in halts}
    return [
        replace(
            each,
            held_by=tuple(by_id[name] for name in _holds_of(each) if name in by_id),
        )
        for each in statuses
    ]


def _holds_of(status: AccountStatus) -> tuple[str, ...]:
    account = status.account
    return HALT_ID, pause_id(account), history_pause_id(account), strategy_pause_id(status.strategy)


# --- what the server lists --------------------------------------------------------------------------------------------


async def _latest_runs(client: Client, account: str | None, known: Mapping[str, Account]) -> dict[str, Found]:
    """By account, from the latest runs of all; those that are not among them are looked at one by one."""
    listed: dict[str, list[WorkflowExecution]] = {}
    query = f"WorkflowId = '{workflow_id(account)}'" if account else ""
    async for run in listed_runs(client, query, PAGE if account is None else OWN_RUNS):
        listed.setdefault(account_of(run.id), []).append(run)
    missing = [name for name in known if name not in listed]
    described = await at_once(partial(_described, client), missing)
    return {name: tuple(runs) for name, runs in listed.items()} | dict(zip(missing, described, strict=True))


async def _described(client: Client, account: str) -> Found:
    try:
        return (await handle_of(client, account).describe(),)
    except RPCError as error:
        return () if is_unknown(error) else error


async def _listed(name: str, found: Found, own: Account | None, asked: str | None) -> AccountStatus:
    """An account by its latest run; one that found nothing new to do says nothing while there is another."""
    status = AccountStatus(
        account=name,
        phase=NEVER_RUN,
        strategy=own.strategy_name if own else "",
        is_configured=own is not None,
        is_enabled=own.enabled if own else False,
    )
    if isinstance(found, RPCError):
        return replace(status, phase=UNTOLD, detail=found.message or found.status.name)
    runs = [(await run_of(each), each) for each in sorted(found, key=lambda run: run.start_time, reverse=True)]
    if not runs:
        return status
    run, listed = next((each for each in runs if not each[0].is_idle), runs[0])
    unread = next((each.unread for each, _ in runs if each.unread), "")
    try:
        events = (await memory_of(listed)).all_events if asked else await _last_event(listed)
    except (PayloadKeyUnknown, PayloadAltered) as error:
        events, unread = EventRing(), str(error)
    live = next((each for each, _ in runs if each.is_live and not each.is_running), None)
    told = of_run(status, run)
    return replace(told, detail=told.detail or unread, unread=unread, events=events, last_live=live)


def of_run(status: AccountStatus, run: Run) -> AccountStatus:
    """The account as this run of it stands, by the list."""
    return replace(
        status,
        phase=run.phase,
        strategy=status.strategy or run.strategy,  # what holds an account goes by what it follows now
        mode=run.mode,
        since=run.closed_at or run.started_at,
        is_running=run.is_running,
        run_id=run.run_id,
        detail=run.summary.why if run.summary else "",
    )


async def _last_event(listed: WorkflowExecution) -> EventRing:
    """The newest event of those that a run remembers; where all accounts are shown, reading them all takes seconds."""
    try:
        return await newest_event_of(listed)
    except ValueError:  # somebody else's words in the memo
        return EventRing()


async def _with_last_live(client: Client, statuses: list[AccountStatus]) -> list[AccountStatus]:
    """Each account with its last live run that is over, from the latest live runs of all, or looked for by itself."""
    lacking = {each.account for each in statuses if each.last_live is None and each.run_id}
    if not lacking:
        return statuses
    found: dict[str, Run] = {}
    async for listed in listed_runs(client, CLOSED_LIVE):
        if (name := account_of(listed.id)) in lacking and name not in found:
            found[name] = await run_of(listed)
    rest = sorted(lacking - found.keys())[:MOST_LOOKED_UP]
    for run in await at_once(partial(_last_live, client), rest):
        if run is not None:
            found[run.account] = run
    return [replace(each, last_live=each.last_live or found.get(each.account)) for each in statuses]


async def _last_live(client: Client, account: str) -> Run | None:
    try:
        async for listed in listed_runs(client, f"{CLOSED_LIVE} AND WorkflowId = '{workflow_id(account)}'", 1):
            return await run_of(listed)
    except RPCError:  # the account's own line is told all the same
        return None
    return None


# --- what a worker and the server add ---------------------------------------------------------------------------------


async def _with_details(client: Client, statuses: list[AccountStatus]) -> list[AccountStatus]:
    """What the list cannot tell: of those that run, and of those whose failure left no words in it."""
    pressing = sorted(statuses, key=lambda each: (not each.waits_for_you, not each.is_running, _since(each)))
    asked = [each for each in pressing if each.is_running or _lacks_reason(each)]
    answered = await at_once(partial(detailed, client), asked[:MOST_ASKED])
    others = [replace(each, detail=each.detail or NOT_ASKED) for each in asked[MOST_ASKED:]]
    places = positions({each.account: each.steps for each in answered})
    added = {each.account: replace(each, position=places.get(each.account)) for each in (*answered, *others)}
    return [added.get(each.account, each) for each in statuses]


def _since(status: AccountStatus) -> float:
    return status.since.timestamp() if status.since else 0.0


def _lacks_reason(status: AccountStatus) -> bool:
    """Whether it failed without a summary: a run of before there were any, or one that was ended by hand."""
    return bool(status.run_id) and not status.detail and not status.is_running and status.phase == Phase.FAILED


async def detailed(client: Client, listed: AccountStatus) -> AccountStatus:
    """What the workflow itself and the server know of a run, whose list entry may lag."""
    try:
        if not listed.is_running:
            ending = await ending_of(handle_of(client, listed.account, listed.run_id))
            return replace(listed, detail=ending.message)
        handle = handle_of(client, listed.account)
        description, answer = await asyncio.gather(handle.describe(), status_or_error(handle))
        status = of_run(listed, await run_of(description))
        if not status.is_running:
            return status
        steps = await pending_steps(client, description)
        if isinstance(answer, Exception):
            detail = status.unread or await why_unanswered(client, description, answer)
            return replace(status, steps=steps, detail=detail)
        return _answered(status, answer, steps)
    except (PayloadKeyUnknown, PayloadAltered) as error:
        return replace(listed, detail=str(error))
    except RPCError as error:
        return replace(listed, detail=f"details {UNTOLD}: {error.message or error.status.name}")


def _answered(status: AccountStatus, answer: Status, steps: tuple[PendingStep, ...]) -> AccountStatus:
    return replace(
        status,
        strategy=status.strategy or answer.strategy,
        mode=answer.mode.value if answer.mode else status.mode,
        phase=answer.phase.value,
        since=answer.since,
        detail=answer.detail,
        orders=answer.orders,
        waiting_plan=answer.waiting_plan,
        plan=answer.plan,
        pending_events=answer.pending_events,
        rejected=answer.rejected_triggers,
        events=answer.events,
        steps=steps,
    )


async def at_once(ask: Callable[[About], Awaitable[T]], each_of: Iterable[About]) -> list[T]:
    """What is answered about each of these, in their order; ``AT_ONCE`` are asked about at a time."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def in_turn(about: About) -> T:
        async with turns:
            return await ask(about)

    return await asyncio.gather(*(in_turn(about) for about in each_of))
