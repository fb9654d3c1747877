"""One cell of the matrix: a house in which one fault strikes at one step."""

import asyncio
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from decimal import Decimal

from simulator.gateway.faults import FaultRule
from simulator.gateway.requests import ContractQuery, OrderTicket
from simulator.gateway.server import SimulatedGateway
from testbed.waiting import until
from tests.faults.kinds import Kind
from tests.faults.steps import ACCOUNT, PACE, Handle, Step, reached
from tests.house import House

CLIENT_ID = 7
LEFT_REF = "rb-earlier-1-1"
"""The order an earlier run left at the broker."""

LINK_LOST, LINK_RESTORED = 1100, 1102
LINK_LOST_FOR = 0.5
"""Seconds without IBKR's servers."""

HALF_OPEN_FOR = 0.3
"""Seconds for which a dead connection keeps the client id."""


@dataclass
class Cell:
    """A house, and what happens to it."""

    own: House
    step: Step
    kind: Kind
    gateways: AsyncExitStack
    worker: asyncio.Task[None] | None = None
    _striking: asyncio.Task[None] | None = field(default=None, init=False)
    _rules_gateway: SimulatedGateway | None = field(default=None, init=False)

    async def play(self) -> Handle:
        """Run one rebalance and let the fault strike once; returns when it has struck."""
        if self.step.left_order:
            leave_an_order(self.own.gateway)
        if self.step.before_worker:
            await self._strike(None)
            self.worker = await self.own.worker()
            if self.step.name == "read-ahead" and self._is_rule:
                await until(lambda: self.has_struck)  # or the rebalance would be the first to ask for contracts
            return await self._struck(await self.own.trigger(ACCOUNT))
        self.worker = await self.own.worker()
        if self.step.before_trigger and self._is_rule:
            await self._strike(None)
            return await self._struck(await self.own.trigger(ACCOUNT))
        if self.step.name == "trigger":
            await until(lambda: any(each.name == "reqPositions" for each in self.own.gateway.requests))
            await self._strike(None)
            return await self._struck(await self.own.trigger(ACCOUNT))
        handle = await self.own.trigger(ACCOUNT)
        await self._strike(handle)
        return await self._struck(handle)

    async def end(self) -> None:
        """Stop the worker and whatever has not struck."""
        for task in (self._striking, self.worker):
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    @property
    def has_struck(self) -> bool:
        """Whether the gateway did what the fault's rule told it to; what strikes from outside always does."""
        return self._rules_gateway is None or any(done for _, done in self._rules_gateway.faults.rules)

    @property
    def _is_rule(self) -> bool:
        return self.kind.action is not None and self.step.request is not None

    async def _strike(self, handle: Handle | None) -> None:
        if self._is_rule:
            await reached(self.step.near, self.own, handle)
            self.own.gateway.add_fault(self._rule())
            self._rules_gateway = self.own.gateway
            if self.kind.code == LINK_LOST:
                self._striking = asyncio.create_task(self._restore_the_link())
        else:
            self._striking = asyncio.create_task(self._strike_from_outside(handle))

    async def _struck(self, handle: Handle) -> Handle:
        if self._striking is not None and not self._is_rule:
            await self._striking
        return handle

    async def _strike_from_outside(self, handle: Handle | None) -> None:
        await reached(self.step.under_way, self.own, handle)
        if self.kind.action is None:
            await restart(self.own, self.gateways, roll_back=1000 if self.kind.roll_back else 0)
        else:
            self.own.gateway.add_fault(self._rule())
            if self.kind.code == LINK_LOST:
                await self._restore_the_link()

    async def _restore_the_link(self) -> None:
        """A while after the gateway lost its servers (1100), it has them again."""
        if self._is_rule:
            await until(lambda: any(done for _, done in self.own.gateway.faults.rules), every=PACE)
        await asyncio.sleep(LINK_LOST_FOR)
        self.own.gateway.add_fault(FaultRule(action="notice", code=LINK_RESTORED))

    def _rule(self) -> FaultRule:
        assert self.kind.action is not None
        return FaultRule(
            action=self.kind.action,
            match=self.step.request,
            after=self.step.after,
            code=self.kind.code,
            roll_back=self.kind.roll_back,
            seconds=HALF_OPEN_FOR if self.kind.action == "half_open" else 0,
        )


def leave_an_order(gateway: SimulatedGateway) -> None:
    """An order that works far from the market, placed by this client in an earlier run."""
    ticket = OrderTicket(
        account=ACCOUNT,
        action="BUY",
        quantity=Decimal(1),
        order_type="LMT",
        limit_price=Decimal(1),
        tif="GTC",
        order_ref=LEFT_REF,
    )
    gateway.engine.place(CLIENT_ID, 1, ContractQuery(symbol="EDC", sec_type="STK"), ticket)
    gateway.wake()


async def restart(own: House, gateways: AsyncExitStack, roll_back: int) -> None:
    """End the gateway and start another on the same port from its state."""
    port, scenario = own.gateway.port, own.gateway.engine.scenario
    state = own.gateway.engine.state().with_order_ids_rolled_back(roll_back)
    await own.gateway.__aexit__(None, None, None)
    own.gateway = await gateways.enter_async_context(SimulatedGateway(scenario, port, state=state))
