"""The planner as activities, so that its results are recorded and a changed planner never breaks a replay."""

from temporalio import activity

from rebalancing import planning
from rebalancing.plan import Plan, PlannedOrder, PlanRequest


@activity.defn
async def make_plan(request: PlanRequest) -> Plan:
    """Plan both legs."""
    return planning.make_plan(request)


@activity.defn
async def size_buys(request: PlanRequest) -> tuple[PlannedOrder, ...]:
    """Size the buy leg for the cash that is there."""
    return planning.size_buys(request)
