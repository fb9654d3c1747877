"""``rebalancer approve`` and ``rebalancer reject``: a person's word on the plan that waits for it."""

from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError
from temporalio.service import RPCError

from contract.names import APPROVE_UPDATE, REJECT_UPDATE
from rebalancing.approval import Approval, Rejection, WaitingPlan
from rebalancing.orders.order import Side
from starter.cli.console import error_console, output_console
from starter.cli.mistakes import CommandFailed, as_asked
from starter.cli.setup import connect_temporal
from starter.desk.rebalance import handle_of, is_unknown, query_status


async def run_approve_command(account: str, plan_hash: str | None) -> None:
    """Approve of the plan with this hash; without one, show the plan that waits and approve of exactly that.

    Raises:
        CommandFailed: no plan waits, or another one than was named or shown.
    """
    handle = handle_of(await connect_temporal(), account)
    if plan_hash is None:
        waiting = await _waiting_plan(handle, account)
        output_console().print(waiting_view(account, waiting))
        plan_hash = waiting.plan_hash
    await _tell(handle, account, APPROVE_UPDATE, as_asked(Approval, plan_hash=plan_hash))


async def run_reject_command(account: str, reason: str) -> None:
    """End the account's rebalance before it trades. Raises ``CommandFailed`` if no plan waits."""
    rejection = as_asked(Rejection, reason=reason)
    await _tell(handle_of(await connect_temporal(), account), account, REJECT_UPDATE, rejection)


def waiting_view(account: str, waiting: WaitingPlan) -> RenderableType:
    """A waiting plan for people: orders, breached guards, hash and expiry."""
    plan = waiting.plan
    table = Table(title=f"{account}: plan {waiting.plan_hash} on a base of {plan.base:,} USD")
    for heading in ("order", "symbol", "shares", "value (USD)", "reason"):
        table.add_column(heading, justify="right" if heading in ("shares", "value (USD)") else "left")
    for order in plan.orders:
        side = Text(order.side.value, style="red" if order.side is Side.SELL else "green")
        table.add_row(side, order.symbol, f"{order.quantity:,}", f"{order.estimated_value:,.2f}", Text(order.reason))
    after = f"After it: drift {plan.after.drift:.2f} %, {plan.cash_after}."
    notes = [f"  · breached guard: {breach}" for breach in waiting.breaches]
    expiry = f"Waits until {waiting.expires_at:%Y-%m-%d %H:%M:%S} UTC."
    return Group(table, *(Text(line) for line in (*notes, after, expiry)))


async def _waiting_plan(handle: WorkflowHandle[Any, Any], account: str) -> WaitingPlan:
    status = await query_status(handle)
    if status is None:
        raise CommandFailed(f"Nothing is known of a waiting plan of {account}: no rebalance, or no worker answers.")
    if status.waiting_plan is None:
        raise CommandFailed(f"No plan of {account} waits for approval; its rebalance is in the phase {status.phase}.")
    return status.waiting_plan


async def _tell(handle: WorkflowHandle[Any, Any], account: str, update: str, decision: Approval | Rejection) -> None:
    try:
        told = await handle.execute_update(update, decision, result_type=str)
    except WorkflowUpdateFailedError as error:
        raise CommandFailed(f"{account}: {error.cause}") from None
    except RPCError as error:
        if not is_unknown(error):
            raise
        raise CommandFailed(f"No rebalance of {account} is running; no plan waits for approval.") from None
    error_console().print(f"{handle.id}: {told}.", markup=False)
