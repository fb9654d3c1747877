"""Nothing is sent by old figures (promise P11): whatever happened between the plan and the moment of sending.

In each case the gateway goes away with the first order of a leg, which never reaches it, and comes back to another
market.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from rebalancing.outcomes import Phase
from rebalancing.settings import Settings
from simulator.allocations.server import SimulatedAllocations
from simulator.gateway.faults import FaultMatch, FaultRule
from simulator.gateway.server import SimulatedGateway
from testbed.waiting import until
from tests.faults.ledger_checks import never_overspent, placed_at_most_once
from tests.house import Holding, House, failure_of, house, phase_reached, quick_settings
from workflows.rebalance_account import RebalanceAccount

QQQ_ONLY = {"QQQ": "1"}
"""What the account should hold: at a price of 600, 164 shares of it for 100,000 less the reserve."""


@asynccontextmanager
async def gateway_away(own: House, gateways: AsyncExitStack, **changed: Any) -> AsyncGenerator[None]:
    """Once the gateway has closed the connection over an order, it is away during the block.

    It comes back with the prices it is left with, and with what is ``changed`` of its scenario.
    """
    await until(lambda: any(connection.closed for connection in own.gateway.connections))
    port, engine = own.gateway.port, own.gateway.engine
    await own.gateway.__aexit__(None, None, None)
    yield
    scenario = engine.scenario.model_validate({**engine.scenario.model_dump(), **changed})
    back = SimulatedGateway(scenario, port, state=engine.state())
    for symbol, price in engine.market.prices.items():
        back.engine.market.move(symbol, price)
    own.gateway = await gateways.enter_async_context(back)


async def triggered(own: House) -> Any:
    """A live rebalance whose first order does not reach the gateway."""
    own.gateway.add_fault(FaultRule(action="close_before", match=FaultMatch(request="placeOrder")))
    return await own.trigger("DU1")


async def test_a_price_that_rose_while_the_gateway_was_away_makes_the_order_smaller() -> None:
    async with house({"DU1": Holding(weights=QQQ_ONLY)}) as own, AsyncExitStack() as gateways:
        handle = await triggered(own)
        async with gateway_away(own, gateways):
            own.gateway.engine.market.move("QQQ", Decimal(660))
        outcome = (await handle.result()).outcome
        placed_at_most_once(own.gateway.engine)
        never_overspent(own.gateway.engine, "DU1", "100000")
        (order,) = own.accepted_orders("DU1")
        assert order.quantity <= 99_000 / 660
        assert outcome is not None
        assert own.gateway.engine.accounts["DU1"].positions == {"QQQ": order.quantity}
        assert any("the connection was made anew" in note for note in outcome.notes)


async def test_a_guard_is_asked_again_before_what_was_not_sent_is_sent() -> None:
    """All of 160 shares is sold for 96,000 at first, and for 112,000 afterwards."""
    guarded = {"guards": {"maximum_order_value": "110000"}}
    account = Holding(cash="1000", holdings={"QQQ": 160}, weights={"BND": "1"}, more=guarded)
    async with house({"DU1": account}) as own, AsyncExitStack() as gateways:
        handle = await triggered(own)
        async with gateway_away(own, gateways):
            own.gateway.engine.market.move("QQQ", Decimal(700))
        error = await failure_of(handle)
        assert error.type == "GuardBreached"
        assert own.accepted_orders("DU1") == []


async def test_a_market_that_closed_meanwhile_is_waited_for() -> None:
    opens_at = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(hours=12)
    tomorrow = {"opens": opens_at, "closes": opens_at + timedelta(hours=6)}
    async with house({"DU1": Holding(weights=QQQ_ONLY)}) as own, AsyncExitStack() as gateways:
        handle = await triggered(own)
        async with gateway_away(own, gateways, hours="listed", sessions=[tomorrow]):
            pass
        await phase_reached(handle, Phase.WAITING_FOR_MARKET)
        assert own.accepted_orders("DU1") == []
        await handle.cancel()
        await asyncio.gather(handle.result(), return_exceptions=True)


async def test_an_approved_plan_is_asked_about_again_when_the_prices_it_was_sent_by_are_gone() -> None:
    asking = {"approval": {"required": "always", "price_tolerance_percent": "0.5"}}
    async with house({"DU1": Holding(weights=QQQ_ONLY, more=asking)}) as own, AsyncExitStack() as gateways:
        handle = await triggered(own)
        await phase_reached(handle, Phase.WAITING_FOR_APPROVAL)
        waiting = (await handle.query(RebalanceAccount.status)).waiting_plan
        assert waiting is not None
        await handle.execute_update("approve", {"plan_hash": waiting.plan_hash})
        async with gateway_away(own, gateways):
            own.gateway.engine.market.move("QQQ", Decimal(660))
        await phase_reached(handle, Phase.WAITING_FOR_APPROVAL)
        assert own.accepted_orders("DU1") == []
        await handle.cancel()
        await asyncio.gather(handle.result(), return_exceptions=True)


async def test_targets_that_changed_while_the_gateway_was_away_are_what_it_ends_at() -> None:
    """The new target was not among what the account was read for before anything was to be sent."""
    async with SimulatedAllocations({"changing": {"QQQ": 1.0}}) as api:
        account = Holding(weights=None, url=f"{api.base_url}/changing/allocations")
        async with house({"DU1": account}, api=api) as own, AsyncExitStack() as gateways:
            handle = await triggered(own)
            async with gateway_away(own, gateways):
                api.replace({"changing": {"BND": 1.0}})
            outcome = (await handle.result()).outcome
            assert outcome is not None
            (order,) = outcome.orders
            assert own.gateway.engine.accounts["DU1"].positions == {"BND": order.filled}
            assert outcome.target_weights.keys() == {"BND", "CASH"}
            assert outcome.arrival_prices.keys() == {"BND"}


async def test_what_waits_in_the_queue_for_longer_than_freshness_is_sized_anew() -> None:
    """A slot that others hold for seconds: with a freshness of one second nothing that waited for it is sent."""
    hasty = Settings.model_validate({**quick_settings().model_dump(), "freshness": 1})
    async with house({"DU1": Holding(weights=QQQ_ONLY), "DU2": Holding()}, settings=hasty, workers=0) as own:
        own.gateway.add_fault(
            FaultRule(action="delay", match=FaultMatch(request="whatIfOrder", account="DU1"), seconds=1.5)
        )
        async with own.working():
            outcome = (await (await own.trigger("DU1")).result()).outcome
        assert outcome is not None
        assert any("was read" in note and "ago" in note for note in outcome.notes)
        placed_at_most_once(own.gateway.engine)
        assert own.gateway.engine.accounts["DU1"].positions == {order.symbol: order.filled for order in outcome.orders}
