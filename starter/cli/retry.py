"""``rebalancer retry``: once more what failed, or was carried out only in part."""

from datetime import UTC, datetime

from rebalancing.errors import AccountUnknown
from starter.cli.console import error_console
from starter.cli.mistakes import DONE
from starter.cli.operator import operator_name
from starter.cli.run import HowToAsk, ask_for
from starter.cli.run_many import ask_for_all
from starter.cli.setup import connect_temporal, read_setup
from starter.desk.retry import all_to_retry, retry_of, to_retry
from starter.desk.runs import Run


async def run_retry_command(account_id: str | None, how: HowToAsk) -> int:
    """Ask for a live rebalance anew: of this account, or of all whose last one of the last 24 hours failed."""
    _, configuration = read_setup(may_be_simulated=True)
    client = await connect_temporal()
    if account_id is not None:
        configuration.account(account_id)
        run = await to_retry(client, account_id)
        _tell(run)
        return await ask_for(client, configuration, retry_of(run, operator_name()), how)
    triggers = []
    for run in await all_to_retry(client, datetime.now(UTC)):
        try:
            configuration.account(run.account)
        except AccountUnknown as unknown:
            error_console().print(f"left out: {unknown}", style="yellow", markup=False, soft_wrap=True)
            continue
        _tell(run)
        triggers.append(retry_of(run, operator_name()))
    if not triggers:
        error_console().print("No live rebalance of the last 24 hours failed or is incomplete; nothing to retry.")
        return DONE
    return await ask_for_all(client, configuration, triggers, how)


def _tell(run: Run) -> None:
    reason = f": {run.summary.why}" if run.summary and run.summary.why else ""
    ended = f" {run.closed_at:%Y-%m-%d %H:%M} UTC" if run.closed_at else ""
    told = f"{run.account}: run {run.run_id[:8]} {run.phase}{ended}{reason}"
    error_console().print(told, markup=False, soft_wrap=True)
