"""Orders that this application did not place, and cannot cancel, stop a run before any trade."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta

import ib_insync as ibi
import pytest

from activities.gateway import reading
from rebalancing.triggers import ExecutionMode
from tests.house import Holding, House, failure_of, house


@pytest.fixture(autouse=True)
def always_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The list of open orders is never taken from memory."""
    monkeypatch.setattr(reading, "OPEN_ORDERS_LIFETIME", timedelta())


@asynccontextmanager
async def order_of_another_client(own: House) -> AsyncGenerator[ibi.Trade]:
    """Another program has a limit order working that will not fill."""
    ib = ibi.IB()
    await ib.connectAsync("127.0.0.1", own.gateway.port, clientId=99)
    try:
        order = ibi.LimitOrder("BUY", 1, 100.0, account="DU1", tif="DAY", orderRef="by another program")
        trade = ib.placeOrder(ibi.Stock("SPY", "SMART", "USD"), order)
        await trade.statusEvent
        yield trade
    finally:
        ib.disconnect()


async def test_an_order_of_another_client_stops_the_run_and_is_named() -> None:
    async with house({"DU1": Holding()}) as own, order_of_another_client(own) as other:
        error = await failure_of(await own.trigger("DU1"))
        assert error.type == "ForeignOrders"
        assert "BUY 1 SPY (client 99)" in error.message
        assert len(own.accepted_orders("DU1")) == 1
        assert other.isActive()


async def test_with_ignore_the_run_trades_and_leaves_the_order_alone() -> None:
    async with house({"DU1": Holding(more={"foreign_orders": "ignore"})}) as own, order_of_another_client(own) as other:
        result = await (await own.trigger("DU1")).result()
        assert result.outcome is not None
        assert len(own.accepted_orders("DU1")) == 4
        assert other.isActive()


async def test_a_dry_run_is_not_stopped() -> None:
    async with house({"DU1": Holding()}) as own, order_of_another_client(own):
        result = await (await own.trigger("DU1", mode=ExecutionMode.DRY_RUN)).result()
        assert result.outcome is not None


async def test_an_order_that_is_gone_by_the_next_run_stops_nothing() -> None:
    async with house({"DU1": Holding()}) as own:
        async with order_of_another_client(own) as other:
            await failure_of(await own.trigger("DU1", "first"))
            own.gateway.engine.cancel(99, other.order.orderId)
            await other.cancelledEvent
        result = await (await own.trigger("DU1", "second")).result()
        assert result.outcome is not None
