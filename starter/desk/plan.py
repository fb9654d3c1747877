"""What a rebalance of an account would trade now, by a dry run."""

import uuid
from collections.abc import Callable

from temporalio.client import Client

from contract.status import Status
from rebalancing.errors import RebalancerError
from rebalancing.planner.plan import Plan
from rebalancing.triggers import OPERATOR_SOURCE, EventStatus, ExecutionMode, Trigger
from starter.desk.outcome import not_sat_out, outcome_of
from starter.desk.trigger import requested


class PlanNotMade(RebalancerError):
    """The dry run failed, or another run took its place before its plan could be read.

    Do: ``rebalancer show ACCOUNT`` says why the dry run ended; ask again.
    """


def plan_requested(account: str, by: str = "", source: str = OPERATOR_SOURCE) -> Trigger:
    """The dry run that makes a plan, to be delivered; ``by`` and ``source`` as in ``requested``."""
    return requested(account, ExecutionMode.DRY_RUN, f"plan-{uuid.uuid4()}", by, source)


async def plan_of(
    client: Client, trigger: Trigger, on_status: Callable[[Status | None], object] = lambda _: None
) -> tuple[Plan, tuple[str, ...]]:
    """Wait for a dry run that was delivered; its plan, and the notes to it.

    Raises:
        PlanNotMade: it failed, or its plan is gone.
        WaitsLong: it stands behind a rebalance that nobody sits out.
    """
    record, outcome = await outcome_of(client, trigger, on_status, not_sat_out(trigger))
    if record.status is not EventStatus.COMPLETED:
        raise PlanNotMade(f"{trigger.account}: {record.status.value}. {record.summary}")
    if outcome is None or outcome.plan is None:
        raise PlanNotMade(f"{trigger.account}: another run followed at once and took the plan's place; ask again.")
    return outcome.plan, outcome.notes
