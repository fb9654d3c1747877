"""``rebalancer reject``: a person's no to the plan that waits."""

from contract.names import workflow_id
from rebalancing.approval import Rejection
from starter.cli.console import tell
from starter.cli.operator import operator_name
from starter.cli.setup import connect_temporal
from starter.desk.mistakes import as_asked
from starter.desk.reject import reject


async def run_reject_command(account: str, reason: str, *, as_json: bool) -> None:
    """End the account's rebalance before it trades."""
    rejection = as_asked(Rejection, reason=reason, by=operator_name())
    told = await reject(await connect_temporal(), account, rejection)
    tell(f"{workflow_id(account)}: {told}.", as_json=as_json, account=account)
