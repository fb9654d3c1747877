"""What accounts were called in this history: their runs, events and pauses have the names of then (promises P1, P2).

It is a workflow that runs and does nothing, as the other records are. Each name is a signal to it, so two that write at
once both do; nothing is ever taken away. Only accounts that have or had an alias are in it: without any it never is.
"""

import asyncio
from collections.abc import Mapping
from typing import Final, NamedTuple

from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from contract.encryption import PayloadKeyUnknown
from contract.halts import pauses_of
from contract.names import workflow_id
from contract.restored_history import MARKS_QUEUE
from contract.summaries import summary
from rebalancing.account_names import masked
from rebalancing.accounts import is_account_number
from rebalancing.base import FrozenModel
from rebalancing.errors import AccountRenamed

RECORD_TYPE: Final = "AccountNames"
RECORD_ID: Final = "account-names"
NAMED_SIGNAL: Final = "named"

_HOW: Final = "docs/encryption.md tells how an account is renamed"


class Named(FrozenModel):
    """The account of this number is, or was, called so."""

    number: str
    name: str


class NamesInHistory(NamedTuple):
    """By number what each account is ``called`` now, as far as it had an alias; by name whose each is or was."""

    called: Mapping[str, str]
    owners: Mapping[str, str]


async def names_in_history(client: Client) -> NamesInHistory:
    """Read it, by the server's own word and not by its list. Raises ``RPCError``, ``PayloadKeyUnknown``."""
    called: dict[str, str] = {}
    owners: dict[str, str] = {}
    try:
        async for event in client.get_workflow_handle(RECORD_ID).fetch_history_events():
            signal = event.workflow_execution_signaled_event_attributes
            if signal.signal_name != NAMED_SIGNAL:
                continue
            try:
                (named,) = await client.data_converter.decode(signal.input.payloads, [Named])
            except PayloadKeyUnknown:
                raise
            except Exception:  # sent by hand: nobody can change what is there
                continue
            if owners.setdefault(named.name, named.number) == named.number:
                called[named.number] = named.name
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
    return NamesInHistory(called, owners)


async def claim_name(client: Client, number: str, name: str) -> tuple[str, ...]:
    """Have an account called so, where that is safe; its earlier names, under which nothing runs any more.

    First the name is written, then the others are read and looked at. So of two workers that call an account
    differently, one at least sees what the other has begun, and no account is ever rebalanced under two names at once
    (promise P1). Raises ``AccountRenamed``, and what ``names_in_history`` raises.
    """
    known = await names_in_history(client)
    before = known.called.get(number, number)
    if known.owners.get(name, number) == number and before != name:
        await _write(client, Named(number=number, name=name))
        known = await names_in_history(client)
    if known.owners.get(name, number) != number:
        raise AccountRenamed(f"The alias {name} was another account's in this history: choose another ({_HOW}).")
    own = (each for each, owner in known.owners.items() if owner == number)
    earlier = tuple(each for each in dict.fromkeys((number, *own)) if each != name)
    for left in await asyncio.gather(*(_left(client, each) for each in earlier)):
        if left:
            if before != name:  # whoever has begun something under that name may go on
                await _write(client, Named(number=number, name=before))
            raise AccountRenamed(f"Account {name} {left}; then call it {name} again ({_HOW}). Nothing was begun.")
    return earlier


async def require_called(client: Client, number: str, name: str) -> None:
    """Raise ``AccountRenamed`` where the workers call an account otherwise: what is set for this name holds nothing.

    Raises what ``names_in_history`` raises.
    """
    called = (await names_in_history(client)).called.get(number, number)
    if called != name:
        raise AccountRenamed(
            f"The workers call account {name} {_shown(called)}: they began with another accounts.yaml. Give it "
            f"that name back there, or start them again first ({_HOW}). Nothing was done."
        )


async def _left(client: Client, name: str) -> str:
    """What is not over under an earlier name, and what to do; empty where all is."""
    shown = _shown(name)
    back = f"in accounts.yaml call it {shown} as before, start again"
    if await _is_open(client, workflow_id(name)):
        return f"was called {shown}, and its rebalance under that name is open: {back}, let that end or cancel it"
    if await pauses_of(client, name):
        return f"was called {shown}, and is paused under that name: {back}, end the pause"
    return ""


def _shown(name: str) -> str:
    return f"by its number ({masked(name)})" if is_account_number(name) else name


async def _is_open(client: Client, workflow: str) -> bool:
    try:
        description = await client.get_workflow_handle(workflow).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return False
        raise
    return description.status is WorkflowExecutionStatus.RUNNING


async def _write(client: Client, named: Named) -> None:
    await client.start_workflow(
        RECORD_TYPE,
        id=RECORD_ID,
        task_queue=MARKS_QUEUE,
        start_signal=NAMED_SIGNAL,
        start_signal_args=[named],
        static_summary=summary("RECORD · what accounts are called", "do not end it"),
    )
