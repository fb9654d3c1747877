"""Waiting for fills. Runs on the queue ``ibkr-fills``: it listens to what the gateway pushes and requests nothing."""

from temporalio import activity

from activities.gateway.placing import OrderDesk
from activities.heartbeat import heartbeating
from rebalancing.orders import OrderReport
from rebalancing.requests import IntentsRequest


class FillActivities:
    """Watches orders over the shared connection."""

    def __init__(self, desk: OrderDesk) -> None:
        self._desk = desk

    @activity.defn
    async def await_fills(self, request: IntentsRequest) -> tuple[OrderReport, ...]:
        """Wait until none of these orders works any more, or the time is over."""
        async with heartbeating():
            return await self._desk.finished(request.intents, request.timeout)
