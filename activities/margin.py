"""The margin check: the questions take the gateway's one slot (promise P4), the answers are awaited beside it."""

from temporalio import activity

from activities.gateway.margin import MarginDesk
from activities.heartbeat import heartbeating
from rebalancing.funding.margin import MarginPreview, MarginQuestions, MarginRequest


class MarginActivities:
    """Asks what a plan would do to a margin account."""

    def __init__(self, desk: MarginDesk) -> None:
        self._desk = desk

    @activity.defn
    async def ask_margin(self, request: MarginRequest) -> MarginQuestions:
        """Send what-if orders for a whole plan, in one visit. Places nothing."""
        async with heartbeating():
            return await self._desk.ask(request)

    @activity.defn
    async def margin_answers(self, questions: MarginQuestions) -> MarginPreview:
        """Await what IBKR says."""
        async with heartbeating():
            return await self._desk.answers(questions)
