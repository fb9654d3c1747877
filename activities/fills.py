"""Reserving order ids, and waiting for acknowledgements and fills.

Runs on the queue ``ibkr-fills``: it listens to what the gateway pushes and requests nothing, so it needs no slot.
"""

from temporalio import activity

from activities.gateway.placing import OrderDesk
from activities.heartbeat import heartbeating
from rebalancing.orders import Intent, LegOrder, OrderReport
from rebalancing.requests import IntentsRequest


class FillActivities:
    """Watches orders over the shared connection."""

    def __init__(self, desk: OrderDesk) -> None:
        self._desk = desk

    @activity.defn
    async def prepare_leg(self, orders: tuple[LegOrder, ...]) -> tuple[Intent, ...]:
        """Reserve order ids."""
        return self._desk.prepare(orders)

    @activity.defn
    async def acknowledge_leg(self, intents: tuple[Intent, ...]) -> tuple[OrderReport, ...]:
        """Wait until the gateway has answered a leg that was placed."""
        async with heartbeating():
            return await self._desk.acknowledged(intents)

    @activity.defn
    async def await_fills(self, request: IntentsRequest) -> tuple[OrderReport, ...]:
        """Wait until none of these orders works any more, or the time is over."""
        async with heartbeating():
            return await self._desk.finished(request.intents, request.timeout)
