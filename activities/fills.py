"""Reserving order ids, and waiting for acknowledgements and fills.

Runs on the queue ``ibkr-fills``: it listens to what the gateway pushes and requests nothing, so it needs no slot.
"""

from temporalio import activity

from activities.gateway.order_desk import OrderDesk
from activities.gateway.reading import AccountReader
from activities.gateway.what_if_orders import WhatIfDesk
from activities.heartbeat import heartbeating
from contract.activities import ConnectionContract
from contract.requests import Acknowledgement, AcknowledgeRequest, IntentsRequest, PrepareRequest, SnapshotRequest
from rebalancing.funding.margin_preview import MarginPreview, MarginQuestions
from rebalancing.market.snapshot import AccountSnapshot
from rebalancing.orders.order import Intent, OrderReport


class FillActivities(ConnectionContract):
    """Watches orders over the shared connection."""

    def __init__(self, desk: OrderDesk, reader: AccountReader, margin: WhatIfDesk) -> None:
        self._desk = desk
        self._reader = reader
        self._margin = margin

    @activity.defn
    async def read_pushed(self, request: SnapshotRequest) -> AccountSnapshot | None:
        """The account as the gateway pushed it; ``None`` if something would have to be asked for."""
        if not self._reader.is_pushed(request):
            return None
        snapshot = await self._reader.snapshot(request, with_open_orders=False)
        return snapshot.model_copy(update={"order_ids": self._desk.reserve(request.order_ids)})

    @activity.defn
    async def prepare_leg(self, request: PrepareRequest) -> tuple[Intent, ...]:
        """Reserve order ids."""
        return self._desk.prepare(request.orders, request.above)

    @activity.defn
    async def acknowledge_leg(self, request: AcknowledgeRequest) -> Acknowledgement:
        """Wait until the gateway has answered a leg that was placed, and for its fills while the time lasts."""
        async with heartbeating():
            reports = await self._desk.acknowledged(request.intents, request.timeout)
            if request.reading is None or not all(report.state.is_final for report in reports):
                return Acknowledgement(reports=reports)
            return Acknowledgement(reports=reports, snapshot=await self.read_pushed(request.reading))

    @activity.defn
    async def await_fills(self, request: IntentsRequest) -> tuple[OrderReport, ...]:
        """Wait until none of these orders works any more, or the time is over."""
        async with heartbeating():
            return await self._desk.finished(request.intents, request.timeout)

    @activity.defn
    async def margin_answers(self, questions: MarginQuestions) -> MarginPreview:
        """Await what IBKR says of a plan."""
        async with heartbeating():
            return await self._margin.answers(questions)
