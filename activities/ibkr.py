"""Every request to the gateway. These run on the queue ``ibkr``, whose worker has one slot (promise P4)."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from temporalio import activity

from activities.beginners import Beginners
from activities.gateway.placing import OrderDesk
from activities.gateway.reading import AccountReader
from activities.gateway.repricing import Repricer
from activities.heartbeat import heartbeating
from rebalancing.orders import Intent, OrderReport
from rebalancing.requests import CancelOpenRequest, IntentsRequest, PlaceRequest, SnapshotRequest
from rebalancing.snapshot import AccountSnapshot

T = TypeVar("T")


class IbkrActivities:
    """Activities that use the connection. Placing and cancelling are never broken off half-way by a cancel."""

    def __init__(self, reader: AccountReader, desk: OrderDesk, repricer: Repricer, beginners: Beginners) -> None:
        self._reader = reader
        self._desk = desk
        self._repricer = repricer
        self._beginners = beginners

    @activity.defn
    async def read_snapshot(self, request: SnapshotRequest) -> AccountSnapshot:
        """Read an account, its contracts and quotes."""
        account = request.account
        self._beginners.note_visit(activity.info().priority.priority_key)
        async with heartbeating():
            return await self._reader.snapshot(
                account.account_id,
                account.type,
                request.symbols,
                account.held_out,
                account.funding,
                known=request.known,
            )

    @activity.defn
    async def place_leg(self, request: PlaceRequest) -> tuple[OrderReport, ...]:
        """Place a leg, adopting what is there."""
        first_time = request.first_time and activity.info().attempt == 1
        return await _unbroken(self._desk.place(request.intents, first_time=first_time))

    @activity.defn
    async def reprice_leg(self, intents: tuple[Intent, ...]) -> tuple[OrderReport, ...]:
        """Bring the limits of a leg's working orders up to the market."""
        return await _unbroken(self._repricer.reprice(intents))

    @activity.defn
    async def cancel_orders(self, request: IntentsRequest) -> tuple[OrderReport, ...]:
        """Cancel the orders of these intents and wait for the confirmation."""
        return await _unbroken(self._desk.cancel(request.intents, request.timeout))

    @activity.defn
    async def cancel_open_orders(self, request: CancelOpenRequest) -> tuple[str, ...]:
        """Cancel the account's working orders; return the refs of those still working."""
        return await _unbroken(self._desk.cancel_open(request.account, request.timeout))


async def _unbroken(work: Awaitable[T]) -> T:
    """Finish ``work`` even if the activity is cancelled meanwhile: half a leg must not be left unreported."""
    task = asyncio.ensure_future(work)
    async with heartbeating():
        while True:
            try:
                return await asyncio.shield(task)
            except asyncio.CancelledError:
                if task.cancelled():
                    raise
