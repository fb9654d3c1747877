"""Which login a history belongs to, as the worker wrote it down in Temporal (``worker.login_claim``)."""

from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError

from contract.names import (
    LOGIN_ID,
    LOGIN_MEMO,
    LOGIN_WORKFLOW_TYPE,
    REHEARSAL_OR_REAL,
    gateway_of_login,
    login_id,
)
from rebalancing.account_names import AccountNames
from rebalancing.login import Login, LoginKind
from starter.desk.temporal_errors import is_unknown


async def known_login(client: Client, gateway: str | None, names: AccountNames) -> Login | None:
    """The login at this gateway that the history belongs to, or ``None`` before its first connection.

    Its accounts have their ``names``. Raises ``RPCError`` if the server does not tell.
    """
    try:
        description = await client.get_workflow_handle(login_id(gateway)).describe()
    except RPCError as error:
        if is_unknown(error):
            return None
        raise
    login = await description.memo_value(LOGIN_MEMO, default=None, type_hint=Login)
    return login.named(names) if login else None


async def known_gateways(client: Client) -> tuple[str | None, ...]:
    """Every gateway that was ever connected to; ``None`` is the one without a name. Raises ``RPCError``.

    One whose login was ended, for another one to take its place, may still have a worker that serves it.
    """
    ids = {login.id async for login in client.list_workflows(f"WorkflowType = '{LOGIN_WORKFLOW_TYPE}'")}
    return tuple(gateway_of_login(each) for each in sorted(ids) if each.startswith(LOGIN_ID))


async def is_rehearsal(client: Client) -> bool:
    """Whether nothing real can be moved by this history: it belongs to a simulated gateway for ever.

    ``False`` before its first connection, and where the server does not tell.
    """
    try:
        description = await client.get_workflow_handle(REHEARSAL_OR_REAL).describe()
        login = await description.memo_value(LOGIN_MEMO, default=None, type_hint=Login)
    except RPCError:
        return False
    is_held = description.status is WorkflowExecutionStatus.RUNNING
    return is_held and login is not None and login.kind is LoginKind.SIMULATED
