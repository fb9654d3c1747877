"""``rebalancer resolve``: an operator's word on an order of unknown fate."""

from contract.messages import Resolution
from contract.names import workflow_id
from starter.cli.console import tell
from starter.cli.operator import operator_name
from starter.cli.setup import connect_temporal
from starter.desk.mistakes import UserMistake, as_asked
from starter.desk.resolve import resolve


async def run_resolve_command(account: str, ref: str, filled: int | None, *, not_placed: bool, as_json: bool) -> None:
    """Send the word. Raises ``UserMistake`` if neither or both of ``filled`` and ``not_placed`` are given."""
    if not_placed == (filled is not None):
        raise UserMistake("Give either --filled N or --not-placed.")
    resolution = as_asked(Resolution, ref=ref, filled=filled, by=operator_name())
    await resolve(await connect_temporal(), account, resolution)
    tell(
        f"{workflow_id(account)}: {ref} is resolved; the rebalance goes on.", as_json=as_json, account=account, ref=ref
    )
