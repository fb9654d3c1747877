"""Has a live rebalance that failed, or was carried out only in part, done again: from the account as it is now."""

from datetime import UTC, datetime, timedelta
from typing import Final

from temporalio.client import Client

from contract.names import workflow_id
from rebalancing.errors import RebalancerError
from rebalancing.outcomes import Phase
from rebalancing.triggers import OPERATOR_SOURCE, ExecutionMode, Trigger
from starter.desk.runs import Run, listed_runs, run_of

LAST_NIGHT: Final = timedelta(hours=24)
"""``retry --failed`` looks back so far."""

LOOKED_THROUGH: Final = 100
MOST_RUNS: Final = 10_000

BY_THEMSELVES: Final = (Phase.FAILED.value, Phase.INCOMPLETE.value, "timed out")
"""How a run ends that nobody ended: what a person cancelled or terminated is not begun again with all the others."""


class NothingToRetry(RebalancerError):
    """The account's last live rebalance is complete, or at work, or there is none.

    Do: ``rebalancer status ACCOUNT`` shows how it stands; only if the account should be moved anew, ``rebalancer run
    ACCOUNT --live``.
    """


async def to_retry(client: Client, account: str) -> Run:
    """The account's last live run, which did not come to its end. Raises ``NothingToRetry``."""
    async for listed in listed_runs(client, f"WorkflowId = '{workflow_id(account)}'", LOOKED_THROUGH):
        run = await run_of(listed)
        if run.is_running:
            raise NothingToRetry(f"A rebalance of {account} is at work ({run.phase}); there is nothing to retry yet.")
        if not run.is_live:
            continue
        if run.has_failed:
            return run
        raise NothingToRetry(
            f"The last live rebalance of {account} is {run.phase}; there is nothing to retry. "
            f"A new one: `rebalancer run {account} --live`."
        )
    raise NothingToRetry(f"No live rebalance of {account} is known; begin one with `rebalancer run {account} --live`.")


async def all_to_retry(client: Client, now: datetime) -> list[Run]:
    """Of each account that is not at work the last live run of the last 24 hours, if it failed or is incomplete."""
    since = (now - LAST_NIGHT).astimezone(UTC).isoformat()
    latest: dict[str, Run] = {}
    at_work: set[str] = set()
    async for listed in listed_runs(client, f"(ExecutionStatus = 'Running' OR CloseTime >= '{since}')", MOST_RUNS):
        run = await run_of(listed)
        if run.is_running:
            at_work.add(run.account)
        elif run.is_live and not run.is_idle:
            known = latest.get(run.account)
            if known is None or run.started_at > known.started_at:
                latest[run.account] = run
    return [run for name, run in sorted(latest.items()) if name not in at_work and run.phase in BY_THEMSELVES]


def retry_of(run: Run, by: str) -> Trigger:
    """The request to do this run's work again; the same one however often it is asked for, so that it is done once."""
    return Trigger(
        account=run.account,
        event_id=f"retry-{run.run_id}",
        mode=ExecutionMode.REBALANCE,
        source=OPERATOR_SOURCE,
        requested_at=datetime.now(UTC),
        by=by,
    )
