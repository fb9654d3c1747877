"""A history belongs to one login at each gateway, written down in Temporal when it is first connected to.

Otherwise a rebalance that was begun in a rehearsal would go on at the real gateway, by plan and intents of the former.
It is kept as a workflow that runs and does nothing: that needs no worker, no two can be started under its id, and it
goes wherever the history goes.
"""

from collections.abc import Callable
from typing import NamedTuple

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy

from contract.names import LOGIN_MEMO, LOGIN_QUEUE, LOGIN_WORKFLOW_TYPE, REHEARSAL_OR_REAL, login_id
from contract.summaries import summary
from rebalancing.account_names import NO_ALIASES, AccountNames
from rebalancing.errors import GatewayUnavailable, OtherLogin
from rebalancing.login import Login


async def claim(client: Client, gateway: str | None, login: Login, names: AccountNames = NO_ALIASES) -> None:
    """Write down that this history belongs to this login; the first one to come decides. ``names`` are for people.

    A rehearsal and what is real are never in one history, at whichever gateways. Raises:
        OtherLogin: it belongs to another one.
        GatewayUnavailable: the gateway names no account, as before its own login is done.
    """
    if not login.accounts:
        raise GatewayUnavailable("The gateway manages no account yet: its own login is not done. It is tried again.")
    claimed = _Claimed(login, str(login.named(names)))
    await _belongs(client, REHEARSAL_OR_REAL, claimed, login.is_as_real_as, names)
    known = await _belongs(client, login_id(gateway), claimed, login.continues, names)
    if known != login:
        await _write_down(client, login_id(gateway), claimed, WorkflowIDConflictPolicy.TERMINATE_EXISTING)


class _Claimed(NamedTuple):
    """A login by its accounts' numbers, which decide, and in words for people."""

    login: Login
    told: str


async def _belongs(
    client: Client, written_as: str, claimed: _Claimed, goes_on: Callable[[Login], bool], names: AccountNames
) -> Login:
    """The login that is written down there, by now at the latest. Raises ``OtherLogin`` unless this one goes on."""
    await _write_down(client, written_as, claimed, WorkflowIDConflictPolicy.USE_EXISTING)
    description = await client.get_workflow_handle(written_as).describe()
    known = await description.memo_value(LOGIN_MEMO, default=None, type_hint=Login)
    if known is not None and goes_on(known):
        return known
    raise OtherLogin(
        f"The history in Temporal (namespace {client.namespace}) belongs to "
        f"{known.named(names) if known else 'a login it does not name'}, "
        f"since {description.start_time:%Y-%m-%d %H:%M} UTC. This gateway is {claimed.told}: what was begun there must "
        "not go on here, so nothing was started. Log the gateway in as before, or give this login a history of its "
        "own (`rebalancer up --database FILE`, or another namespace). If this one shall go on with it, cancel what "
        f'is unfinished, then `temporal workflow terminate --workflow-id {written_as} --reason "new login"`.'
    )


async def _write_down(client: Client, written_as: str, claimed: _Claimed, existing: WorkflowIDConflictPolicy) -> None:
    await client.start_workflow(
        LOGIN_WORKFLOW_TYPE,
        id=written_as,
        task_queue=LOGIN_QUEUE,
        memo={LOGIN_MEMO: claimed.login},
        id_conflict_policy=existing,
        static_summary=summary(f"RECORD · this history belongs to {claimed.told}", "do not end it"),
    )
