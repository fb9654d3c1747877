"""Planner and guards as activities, so that their results are recorded and a changed planner never breaks a replay.

The planner computes in a thread of its own: the solver may take seconds, and the worker has fills to listen to.
"""

import asyncio

from temporalio import activity

from contract.activities import PlanningContract
from rebalancing.guards import Breach, GuardRequest, breaches
from rebalancing.planner import planning
from rebalancing.planner.plan import Plan, PlannedOrder, PlanRequest


class PlanningActivities(PlanningContract):
    """What is computed for a rebalance."""

    @activity.defn
    async def make_plan(self, request: PlanRequest) -> Plan:
        """Plan both legs."""
        return await asyncio.to_thread(planning.make_plan, request)

    @activity.defn
    async def size_buys(self, request: PlanRequest) -> tuple[PlannedOrder, ...]:
        """Size the buy leg for the cash that is there."""
        return await asyncio.to_thread(planning.size_buys, request)

    @activity.defn
    async def check_guards(self, request: GuardRequest) -> tuple[Breach, ...]:
        """The guards that a plan breaches."""
        return breaches(request)
