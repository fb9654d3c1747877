"""Every request to the gateway. These run on the queue ``ibkr``, whose worker has one slot (promise P4)."""

import asyncio
from collections.abc import Awaitable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from temporalio import activity
from temporalio.client import Client

from activities.gateway.order_desk import OrderDesk
from activities.gateway.reading import AccountReader
from activities.gateway.repricing import Repricer
from activities.gateway.what_if_orders import WhatIfDesk
from activities.halts import Halts
from activities.heartbeat import SendingHeartbeats, heartbeating
from contract.activities import GatewayContract
from contract.requests import (
    NOTHING_SENT,
    CancelOpenRequest,
    ContractsRequest,
    IntentsRequest,
    PlaceRequest,
    RepriceRequest,
    SnapshotRequest,
)
from rebalancing.errors import RebalancerError, TradingHeld
from rebalancing.funding.margin_preview import MarginQuestions, MarginRequest
from rebalancing.market.snapshot import AccountSnapshot
from rebalancing.orders.order import Intent, OrderReport

T = TypeVar("T")


@dataclass(frozen=True)
class IbkrActivities(GatewayContract):
    """Activities that use the connection. Placing and cancelling are never broken off half-way by a cancel."""

    _client: Client
    _reader: AccountReader
    _desk: OrderDesk
    _repricer: Repricer
    _margin: WhatIfDesk
    _halts: Halts

    @activity.defn
    async def empty_visit(self) -> None:
        """Ask for nothing."""

    @activity.defn
    async def read_snapshot(self, request: SnapshotRequest) -> AccountSnapshot:
        """Read an account, its contracts and quotes."""
        async with heartbeating():
            snapshot = await self._reader.snapshot(request)
            return snapshot.model_copy(update={"order_ids": self._desk.reserve(request.order_ids)})

    @activity.defn
    async def read_contracts(self, request: ContractsRequest) -> None:
        """Read contract details before they are needed."""
        async with heartbeating():
            await self._reader.read_contracts(request.symbols)

    @activity.defn
    async def ask_margin(self, request: MarginRequest) -> MarginQuestions:
        """Send what-if orders for a whole plan, in one visit. Places nothing; while trading is held, sends none."""
        async with heartbeating():
            if held_by := await self._halts.what_holds(request.account):
                raise TradingHeld(f"Account {request.account}: {held_by}.")
            self._margin.require_fresh(request)
            return await self._margin.ask(request)

    @activity.defn
    async def place_leg(self, request: PlaceRequest) -> tuple[OrderReport, ...]:
        """Place a leg, adopting what is there. An error says in its details if certainly nothing was sent."""
        heartbeats = SendingHeartbeats(self._client)
        never_sent = request.never_sent and not heartbeats.began

        async def permission() -> str:
            held_by = await self._halts.what_holds(request.intents[0].account)
            if not held_by:
                await heartbeats.confirm()
            return held_by

        try:
            placing = self._desk.place(request.intents, permission, never_sent=never_sent)
            return await _unbroken(placing, heartbeats.beating())
        except RebalancerError as error:
            error.details = () if heartbeats.began else (NOTHING_SENT,)
            raise

    @activity.defn
    async def reprice_leg(self, request: RepriceRequest | tuple[Intent, ...]) -> tuple[OrderReport, ...]:
        """Bring the limits of a leg's working orders up to the market; while trading is held they stay as they are."""
        intents = request.intents if isinstance(request, RepriceRequest) else request
        permission = partial(self._halts.what_holds, intents[0].account)
        return await _unbroken(self._repricer.reprice(intents, permission))

    @activity.defn
    async def cancel_orders(self, request: IntentsRequest) -> tuple[OrderReport, ...]:
        """Cancel the orders of these intents and wait for the confirmation."""
        return await _unbroken(self._desk.cancel(request.intents, request.timeout))

    @activity.defn
    async def cancel_open_orders(self, request: CancelOpenRequest) -> tuple[str, ...]:
        """Cancel the account's working orders; return the refs of those still working."""
        return await _unbroken(self._desk.cancel_open(request.account, request.timeout))


async def _unbroken(work: Awaitable[T], heartbeats: AbstractAsyncContextManager[None] | None = None) -> T:
    """Finish ``work`` even if the activity is cancelled meanwhile: half a leg must not be left unreported."""
    task = asyncio.ensure_future(work)
    async with heartbeats or heartbeating():
        while True:
            try:
                return await asyncio.shield(task)
            except asyncio.CancelledError:
                if task.cancelled():
                    raise
