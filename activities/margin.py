"""The margin check. It uses the gateway, so it runs on the queue ``ibkr``, whose worker has one slot (promise P4)."""

from temporalio import activity

from activities.gateway.margin import MarginDesk
from activities.heartbeat import heartbeating
from rebalancing.margin import MarginPreview, MarginRequest


class MarginActivities:
    """Asks what a plan would do to a margin account."""

    def __init__(self, desk: MarginDesk) -> None:
        self._desk = desk

    @activity.defn
    async def preview_margin(self, request: MarginRequest) -> MarginPreview:
        """What-if orders for a whole plan, in one visit. Places nothing."""
        async with heartbeating():
            return await self._desk.preview(request)
