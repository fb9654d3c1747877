"""``rebalancer approve``: a person's yes to the plan that waits for it."""

from contract.names import workflow_id
from rebalancing.approval import Approval
from starter.cli.console import error_console, output_console
from starter.cli.plan_view import waiting_view
from starter.cli.setup import connect_temporal
from starter.desk.approve import approve, waiting_plan
from starter.desk.mistakes import as_asked


async def run_approve_command(account: str, plan_hash: str | None) -> None:
    """Approve of the plan with this hash; without one, show the plan that waits and approve of exactly that."""
    client = await connect_temporal()
    if plan_hash is None:
        waiting = await waiting_plan(client, account)
        output_console().print(waiting_view(account, waiting))
        plan_hash = waiting.plan_hash
    told = await approve(client, account, as_asked(Approval, plan_hash=plan_hash))
    error_console().print(f"{workflow_id(account)}: {told}.", markup=False)
