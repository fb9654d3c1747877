"""The planner as activities, so that its results are recorded and a changed planner never breaks a replay.

It computes in a thread of its own: the solver may take seconds, and the worker has fills to listen to.
"""

import asyncio

from temporalio import activity

from rebalancing.planner import planning
from rebalancing.planner.plan import Plan, PlannedOrder, PlanRequest


@activity.defn
async def make_plan(request: PlanRequest) -> Plan:
    """Plan both legs."""
    return await asyncio.to_thread(planning.make_plan, request)


@activity.defn
async def size_buys(request: PlanRequest) -> tuple[PlannedOrder, ...]:
    """Size the buy leg for the cash that is there."""
    return await asyncio.to_thread(planning.size_buys, request)
