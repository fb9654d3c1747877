"""Everything that is known of one run: its outcome, or what it had come to when it ended otherwise."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from temporalio.client import Client, WorkflowContinuedAsNewError, WorkflowFailureError
from temporalio.service import RPCError

from contract.names import workflow_id
from contract.status import Status
from rebalancing.errors import RebalancerError
from rebalancing.orders.order import OrderReport
from rebalancing.outcomes import Outcome
from rebalancing.planner.plan import Plan
from starter.desk.latest_run import failure_ending, handle_of, query_status
from starter.desk.runs import Run, listed_runs, run_of

LOOKED_THROUGH: Final = 1000
"""So many runs of an account are looked through for the one that is asked for."""

SHORTEST_ID: Final = 4
"""Characters of a run id that name it, where no other begins with them."""


class RunUnknown(RebalancerError):
    """There is no such run of the account, or several.

    Do: ``rebalancer history ACCOUNT`` has the runs; take more of the run's id if several begin so.
    """


@dataclass(frozen=True)
class RunDetails:
    """One run. ``outcome`` is what it returned; where it returned none, ``status`` is what it knew at its end.

    Both are ``None`` where only a worker could tell and none answered. ``message`` says why it failed.
    """

    run: Run
    outcome: Outcome | None = None
    status: Status | None = None
    message: str = ""

    @property
    def orders(self) -> Sequence[OrderReport]:
        """What became of every order."""
        if self.outcome is not None:
            return self.outcome.orders
        return self.status.orders if self.status else ()

    @property
    def plan(self) -> Plan | None:
        """The plan it went by."""
        if self.outcome is not None:
            return self.outcome.plan
        return self.status.plan if self.status else None

    def as_json(self) -> Mapping[str, object]:
        """For programs."""
        plan = self.plan
        return {
            **self.run.as_json(),
            "message": self.message,
            "outcome": self.outcome.model_dump(mode="json") if self.outcome else None,
            "plan": plan.model_dump(mode="json") if plan else None,
            "orders": [order.model_dump(mode="json") for order in self.orders],
        }


async def find_run(client: Client, account: str, wanted: str | None) -> Run:
    """The account's latest run that did something, or the one whose id begins so. Raises ``RunUnknown``.

    As it is by now: the server's list, in which it is found, lags.
    """
    found: list[Run] = []
    async for listed in listed_runs(client, f"WorkflowId = '{workflow_id(account)}'", LOOKED_THROUGH):
        run = await run_of(listed)
        if wanted is None and not run.is_idle:
            found = [run]
            break
        if wanted is not None and len(wanted) >= SHORTEST_ID and run.run_id.startswith(wanted):
            found.append(run)
    if len(found) == 1:
        return await run_of(await handle_of(client, account, found[0].run_id).describe())
    if found:
        raise RunUnknown(f"{len(found)} runs of {account} begin with {wanted}; give more of the id.")
    which = f"run {wanted} of {account}" if wanted else f"run of {account}"
    raise RunUnknown(f"No {which} is known; `rebalancer history {account}` lists what is kept.")


async def details_of(client: Client, run: Run) -> RunDetails:
    """Everything about a run; one that is over is asked of a worker only where it returned nothing."""
    handle = handle_of(client, run.account, run.run_id)
    if run.is_running:
        return RunDetails(run, status=await query_status(handle))
    message = ""
    try:
        result = await handle.result(follow_runs=False)
        if result.outcome is not None:
            return RunDetails(run, outcome=result.outcome, message=result.outcome.missing)
    except WorkflowContinuedAsNewError:
        message = run.summary.why if run.summary else ""
    except WorkflowFailureError as error:
        message = failure_ending(error).message
    return RunDetails(run, status=await query_status(handle), message=message)


async def outcome_in(client: Client, account: str, run_id: str) -> Outcome | None:
    """What a run that is over returned; ``None`` where it failed, or gave way to a follow-up run."""
    try:
        return (await handle_of(client, account, run_id).result(follow_runs=False)).outcome
    except (WorkflowContinuedAsNewError, WorkflowFailureError):
        return None


async def details_of_all(client: Client, runs: Sequence[Run]) -> Sequence[RunDetails | RPCError]:
    """Of all of these; what cannot be told of one of them is an error in its place."""
    turns = asyncio.Semaphore(10)

    async def one(run: Run) -> RunDetails | RPCError:
        async with turns:
            try:
                return await details_of(client, run)
            except RPCError as error:
                return error

    return await asyncio.gather(*(one(run) for run in runs))
