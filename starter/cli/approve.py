"""``rebalancer approve``: a person's yes to the plan that waits for it."""

from collections.abc import Sequence

from temporalio.client import Client

from contract.names import workflow_id
from rebalancing.approval import Approval, WaitingPlan
from rebalancing.errors import RebalancerError
from starter.cli.asking import confirmed, somebody_sits_here
from starter.cli.console import error_console, output_console, tell
from starter.cli.mistakes import DONE, FAILED, WAITS_FOR_YOU
from starter.cli.operator import operator_name
from starter.cli.plan_view import waiting_view
from starter.cli.setup import connect_temporal
from starter.desk.approve import approve, waiting_plan
from starter.desk.mistakes import as_asked
from starter.desk.status import read_statuses


async def run_approve_command(account: str, plan_hash: str | None, *, yes: bool, as_json: bool) -> int:
    """Approve of the plan with this hash; without one, show the plan that waits, ask, and approve of exactly that."""
    client = await connect_temporal()
    if plan_hash is not None:
        await _approve(client, account, plan_hash, as_json=as_json)
        return DONE
    return await _decide(client, account, await waiting_plan(client, account), yes=yes, as_json=as_json)


async def run_approve_all_command(*, yes: bool, as_json: bool) -> int:
    """Go through all plans that wait; the exit status is 3 if one still waits afterwards, 1 if one could not be told
    that it is approved."""
    client = await connect_temporal()
    waiting = [(each.account, each.waiting_plan) for each in await read_statuses(client) if each.waiting_plan]
    if not waiting:
        error_console().print("No plan waits for approval.")
    statuses = [await _decided(client, account, plan, yes=yes, as_json=as_json) for account, plan in waiting if plan]
    return _worst(statuses)


async def _decided(client: Client, account: str, plan: WaitingPlan, *, yes: bool, as_json: bool) -> int:
    """One of many: that it cannot be approved of any more keeps no other from being asked about."""
    try:
        return await _decide(client, account, plan, yes=yes, as_json=as_json)
    except RebalancerError as error:
        error_console().print(error.with_command, style="red", markup=False, soft_wrap=True)
        return FAILED


def _worst(statuses: Sequence[int]) -> int:
    return next((status for status in (FAILED, WAITS_FOR_YOU) if status in statuses), DONE)


async def _decide(client: Client, account: str, waiting: WaitingPlan, *, yes: bool, as_json: bool) -> int:
    (error_console() if as_json else output_console()).print(waiting_view(account, waiting))
    if not yes and not somebody_sits_here():
        error_console().print(
            f"{account} waits for you, and nobody is here to be asked. To approve of this plan: "
            f"`rebalancer approve {account} --plan-hash {waiting.plan_hash}`.",
            markup=False,
            soft_wrap=True,
        )
        return WAITS_FOR_YOU
    if not yes and not confirmed(f"Approve of plan {waiting.plan_hash} of {account}?"):
        error_console().print(f"Not approved; it still waits. To end it: `rebalancer reject {account}`.", markup=False)
        return WAITS_FOR_YOU
    await _approve(client, account, waiting.plan_hash, as_json=as_json)
    return DONE


async def _approve(client: Client, account: str, plan_hash: str, *, as_json: bool) -> None:
    told = await approve(client, account, as_asked(Approval, plan_hash=plan_hash, by=operator_name()))
    tell(f"{workflow_id(account)}: {told}.", as_json=as_json, account=account, plan_hash=plan_hash)
