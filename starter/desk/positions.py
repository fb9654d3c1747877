"""Reads what an account holds, through the one slot like every other request to its gateway."""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from temporalio.client import ActivityFailureError, Client
from temporalio.common import ActivityIDConflictPolicy, Priority, RetryPolicy
from temporalio.exceptions import ApplicationError

from contract.activities import GatewayContract
from contract.names import gateway_queue
from contract.priority import OPERATOR
from contract.requests import SnapshotRequest
from contract.timeouts import HEARTBEAT_TIMEOUT, VISIT_TIMEOUT
from rebalancing.accounts import Account
from rebalancing.errors import RebalancerError
from rebalancing.market.snapshot import AccountSnapshot

PATIENCE: Final = timedelta(seconds=90)
"""How long people wait for their turn and the answer together."""

ATTEMPTS: Final = 3


class PositionsUnread(RebalancerError):
    """What an account holds could not be read: the gateway's reason, or that no worker came in time.

    Do: see the reason in the message; ``rebalancer status`` says whether the gateway is connected.
    """


async def read_positions(
    client: Client,
    account: Account,
    symbols: tuple[str, ...] = (),
    on_visit: Callable[[str], object] = lambda _: None,
    known_refs: tuple[str, ...] | None = None,
) -> AccountSnapshot:
    """What the account holds now, in as many visits to the gateway as it takes. Raises ``PositionsUnread``.

    Quotes of ``symbols`` are read with it, and with ``known_refs`` the orders of ours of today but for these.
    ``on_visit`` is told the id of each activity that goes to the gateway.
    """
    request = SnapshotRequest.of(account, symbols).model_copy(update={"costs": True, "known_refs": known_refs})
    snapshot = await _visit(client, account, request, on_visit)
    while snapshot.unread:
        snapshot = (await _visit(client, account, request.rest_of(snapshot), on_visit)).after(snapshot)
    return snapshot


async def _visit(
    client: Client, account: Account, request: SnapshotRequest, on_visit: Callable[[str], object]
) -> AccountSnapshot:
    """Read an account as a standalone activity; who asks the same at the same time shares the answer."""
    asked = "".join(f"-{symbol}" for symbol in request.symbols)
    if request.known_refs is not None:
        asked += f"-orders-{','.join(request.known_refs)}"
    told_apart = f"-{hashlib.sha256(asked.encode()).hexdigest()[:8]}" if asked else ""
    visit = f"positions-{request.account}-{len(request.known)}{told_apart}"
    on_visit(visit)
    try:
        return await client.execute_activity_method(
            GatewayContract.read_snapshot,
            request,
            id=visit,
            task_queue=gateway_queue(account.gateway),
            priority=Priority(priority_key=OPERATOR),
            start_to_close_timeout=VISIT_TIMEOUT,
            schedule_to_close_timeout=PATIENCE,
            heartbeat_timeout=HEARTBEAT_TIMEOUT,
            retry_policy=RetryPolicy(maximum_attempts=ATTEMPTS),
            id_conflict_policy=ActivityIDConflictPolicy.USE_EXISTING,
            summary=f"Positions of {request.account}",
        )
    except ActivityFailureError as error:
        cause = error.cause
        if isinstance(cause, ApplicationError):
            raise PositionsUnread(cause.message) from None
        raise PositionsUnread(
            f"The positions of {request.account} could not be read within {PATIENCE.total_seconds():g} s. "
            "Look whether a worker runs and holds the gateway connection (`rebalancer check`)."
        ) from None
