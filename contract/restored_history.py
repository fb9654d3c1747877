"""What is known of a history that was put back, and which orders at the broker a person has accepted that it lacks.

Both are workflows that run and do nothing, as halts are: they need no worker, show in the Temporal UI, and go where
the history goes. A copy that is put back is marked at once (``declare_restored``). A database that was lost or torn, or
that somebody put back by hand, bears no mark: there only the broker's orders tell (``unknown_orders``).
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final, TypeVar

from temporalio.client import Client, WorkflowExecutionDescription, WorkflowExecutionStatus
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError, RPCStatusCode

from contract.halts import history_pause_id, set_halt
from contract.names import workflow_id
from contract.summaries import summary
from rebalancing.base import FrozenModel, Instant
from rebalancing.orders.order import refers_to
from rebalancing.orders.placed_order import PlacedOrder, run_part

Model = TypeVar("Model", bound=FrozenModel)

RESTORED_TYPE: Final = "RestoredHistory"
ACCEPTED_TYPE: Final = "AcceptedHistory"

RESTORED_ID: Final = "restored-history"
_ACCEPTED_ID: Final = "accepted-history-"

MARKS_QUEUE: Final = "history-marks"
"""Polled by nobody."""

_MEMO: Final = "mark"


class Restored(FrozenModel):
    """When a history was put back; nothing that was asked for before is carried out any more."""

    at: Instant


class Accepted(FrozenModel):
    """The refs of orders at the broker that a person knows of, and the history did not; by whom and when."""

    refs: tuple[str, ...]
    by: str
    at: Instant


async def declare_restored(client: Client, accounts: Iterable[str], at: datetime, reason: str, by: str) -> None:
    """Have nothing carried out that was asked for before ``at``, and no order go out until each account is accepted.

    Again does no harm. Raises ``RPCError``.
    """
    for account in accounts:
        await set_halt(client, history_pause_id(account), by, reason)
    known = await restored_at(client)
    if known is None or known < at:
        await _write(client, RESTORED_TYPE, RESTORED_ID, Restored(at=at), reason)


async def restored_at(client: Client) -> datetime | None:
    """When this history was last put back, as far as anybody said so. Raises ``RPCError``."""
    found = await _read(client, RESTORED_ID, Restored)
    return found.at if found else None


async def accept(client: Client, account: str, orders: Iterable[PlacedOrder], by: str) -> None:
    """Take these orders for known from now on, with those that were accepted before. Raises ``RPCError``."""
    before = await _read(client, _ACCEPTED_ID + account, Accepted)
    kept = before.refs if before and before.at.date() == datetime.now(UTC).date() else ()
    refs = tuple(dict.fromkeys((*kept, *(order.ref for order in orders))))
    mark = Accepted(refs=refs, by=by, at=datetime.now(UTC))
    await _write(client, ACCEPTED_TYPE, _ACCEPTED_ID + account, mark, f"{len(refs)} orders of {account}, by {by}")


async def unknown_orders(
    client: Client, account: str, orders: Sequence[PlacedOrder], asking_run: str
) -> tuple[PlacedOrder, ...]:
    """Those of these orders of today that this history does not know, and nobody accepted.

    Known are the orders of every run of the account that the server lists; closed runs are kept for longer than the
    broker's day. Of ``asking_run`` (its first id, or empty) none is: it has named those that it knows. Raises
    ``RPCError``.
    """
    if not orders:
        return ()
    accepted = await _read(client, _ACCEPTED_ID + account, Accepted)
    accepted_refs = accepted.refs if accepted else ()
    left = [order for order in orders if not any(refers_to(order.ref, ref) for ref in accepted_refs)]
    parts = {run_part(order.ref) for order in left}
    own = parts & {run_part_of(asking_run)} if asking_run else set[str]()
    missing = parts - own
    if missing:
        async for run in client.list_workflows(f"WorkflowId = '{workflow_id(account)}'"):
            missing.discard(run_part_of(run.run_id))
            if not missing:
                break
    return tuple(order for order in left if run_part(order.ref) in missing | own)


def run_part_of(run_id: str) -> str:
    """What the refs of this run's orders begin with."""
    return f"rb-{run_id.replace('-', '')[:20]}"


async def _write(client: Client, workflow_type: str, mark_id: str, mark: FrozenModel, told: str) -> None:
    await client.start_workflow(
        workflow_type,
        id=mark_id,
        task_queue=MARKS_QUEUE,
        id_conflict_policy=WorkflowIDConflictPolicy.TERMINATE_EXISTING,
        memo={_MEMO: mark},
        static_summary=summary("RECORD", told, "do not end it"),
    )


async def _read(client: Client, mark_id: str, model: type[Model]) -> Model | None:
    try:
        found: WorkflowExecutionDescription = await client.get_workflow_handle(mark_id).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise
    if found.status is not WorkflowExecutionStatus.RUNNING:
        return None  # ended by hand: whoever does that wants it gone
    return await found.memo_value(_MEMO, type_hint=model)
