"""Orders as the unmodified client sees them: life of an order, ids, refusals."""

from decimal import Decimal
from typing import Any

import pytest
from ib_insync import IB, ExecutionFilter, OrderStatus, Trade

from simulator.gateway.scenario import ClockSetup, Latency, Scenario
from simulator.gateway.server import SimulatedGateway
from tests.simulator.gateway.gateway_client import (
    Connect,
    ErrorLog,
    filled,
    limit_order,
    market_order,
    stock,
    until,
    with_id,
)


async def resting(ib: IB, ref: str = "", price: float = 500.0, quantity: float = 5) -> Trade:
    """A limit order far from the market, working."""
    trade = ib.placeOrder(stock("SPY"), limit_order("BUY", quantity, price, ref=ref))
    await until(lambda: trade.orderStatus.status == "Submitted")
    return trade


async def test_a_market_order_fills_in_parts_with_late_commissions(scenario: Scenario, connect: Connect) -> None:
    slow = scenario.model_copy(update={"latency": Latency(fill=(0.01, 0.02), commission=0.05), "seed": 5})
    async with SimulatedGateway(slow) as gateway:
        ib = await connect(gateway)
        trades = [ib.placeOrder(stock("SPY"), market_order("BUY", 12, ref=f"r{n}")) for n in range(4)]
        commissions_at_filled: list[str] = []

        def note(trade: Trade) -> None:
            commissions_at_filled.append(trade.fills[-1].commissionReport.execId)

        for trade in trades:
            trade.filledEvent += note
        for trade in trades:
            await filled(trade)
        assert commissions_at_filled == [""] * 4, "Filled comes before the last commission"
        assert all(sum(f.execution.shares for f in trade.fills) == 12 for trade in trades)
        assert max(len(trade.fills) for trade in trades) > 1
        assert all(sum(f.commissionReport.commission for f in trade.fills) == pytest.approx(1.0) for trade in trades), (
            "the minimum commission is charged once an order"
        )
        assert trades[0].orderStatus.avgFillPrice == 600.01


async def test_acknowledgements_come_more_than_once(gateway: SimulatedGateway, connect: Connect) -> None:
    ib = await connect(gateway)
    seen: list[str] = []

    def note(trade: Trade) -> None:
        seen.append(trade.order.orderRef)

    ib.openOrderEvent += note
    await filled(ib.placeOrder(stock("SPY"), market_order("BUY", 1, ref="twice")))
    assert seen.count("twice") >= 4


async def test_the_ref_comes_back_on_open_completed_and_executions(gateway: SimulatedGateway, connect: Connect) -> None:
    ib = await connect(gateway)
    open_trade = await resting(ib, ref="open-ref")
    await filled(ib.placeOrder(stock("SPY"), market_order("BUY", 2, ref="done-ref")))
    other = await connect(gateway, client_id=2)
    (found,) = await other.reqAllOpenOrdersAsync()
    assert (found.order.orderRef, found.order.clientId, found.order.orderId) == (
        "open-ref",
        1,
        open_trade.order.orderId,
    )
    assert await other.reqOpenOrdersAsync() == []
    (completed,) = await other.reqCompletedOrdersAsync(False)
    assert completed.order.orderRef == "done-ref"
    assert completed.order.filledQuantity == 2
    assert completed.order.orderId == 0
    assert completed.orderStatus.status == "Filled"
    fills = await other.reqExecutionsAsync()
    assert {fill.execution.orderRef for fill in fills} == {"done-ref"}
    assert {fill.execution.acctNumber for fill in fills} == {"DU1"}


async def test_a_resting_limit_order_fills_when_the_price_reaches_it(
    gateway: SimulatedGateway, connect: Connect
) -> None:
    ib = await connect(gateway)
    trade = await resting(ib, price=590.0)
    gateway.engine.move_price("SPY", Decimal("595.00"))
    await ib.reqCurrentTimeAsync()
    assert trade.orderStatus.status == "Submitted"
    gateway.engine.move_price("SPY", Decimal("589.00"))
    await filled(trade)
    assert trade.orderStatus.avgFillPrice == 589.01


async def test_cancelling_confirms_with_202(gateway: SimulatedGateway, connect: Connect) -> None:
    ib = await connect(gateway)
    errors = ErrorLog(ib)
    trade = await resting(ib)
    ib.cancelOrder(trade.order)
    await until(lambda: trade.orderStatus.status == OrderStatus.Cancelled)
    await until(lambda: (trade.order.orderId, 202, "Order Canceled - reason:") in errors.entries)
    assert gateway.engine.orders[0].status == "Cancelled"
    (completed,) = await ib.reqCompletedOrdersAsync(False)
    assert completed.orderStatus.status == "Cancelled"


async def test_a_partly_filled_order_keeps_its_fills_when_cancelled(scenario: Scenario, connect: Connect) -> None:
    slow = scenario.model_copy(update={"latency": Latency(fill=(0.4, 0.4)), "max_fill_parts": 20})
    async with SimulatedGateway(slow) as gateway:
        ib = await connect(gateway)
        trade = ib.placeOrder(stock("SPY"), market_order("BUY", 100))
        await until(lambda: len(trade.fills) > 0)
        ib.cancelOrder(trade.order)
        await until(lambda: trade.orderStatus.status == "Cancelled")
        got = gateway.engine.accounts["DU1"].positions["SPY"]
        assert 0 < got < 100
        assert trade.filled() == got
        assert trade.orderStatus.filled + trade.orderStatus.remaining == 100


async def test_cancels_that_cannot_be_are_10147_and_10148(gateway: SimulatedGateway, connect: Connect) -> None:
    ib = await connect(gateway)
    errors = ErrorLog(ib)
    done = await filled(ib.placeOrder(stock("SPY"), market_order("BUY", 1)))
    ib.client.cancelOrder(4711)
    ib.client.cancelOrder(done.order.orderId)
    await until(lambda: errors.codes == [10147, 10148])


async def test_another_client_cannot_cancel(gateway: SimulatedGateway, connect: Connect) -> None:
    ib, other = await connect(gateway), await connect(gateway, client_id=2)
    trade = await resting(ib)
    errors = ErrorLog(other)
    other.client.cancelOrder(trade.order.orderId)
    await until(lambda: errors.codes == [10147])
    assert trade.orderStatus.status == "Submitted"


async def test_global_cancel_reaches_every_client(gateway: SimulatedGateway, connect: Connect) -> None:
    ib, other = await connect(gateway), await connect(gateway, client_id=2)
    first, second = await resting(ib), await resting(other)
    other.reqGlobalCancel()
    await until(lambda: first.orderStatus.status == second.orderStatus.status == "Cancelled")


async def test_the_rules_for_an_order_id_used_before(gateway: SimulatedGateway, connect: Connect) -> None:
    ib = await connect(gateway)
    errors = ErrorLog(ib)
    live = await resting(ib)
    order_id = live.order.orderId
    done = await filled(ib.placeOrder(stock("SPY"), market_order("BUY", 1)))
    for order, code in (
        (with_id(market_order("BUY", 1), done.order.orderId), 104),
        (with_id(market_order("BUY", 1), order_id), 329),
        (with_id(limit_order("SELL", 5, 500.0), order_id), 105),
        (with_id(limit_order("BUY", 5, 500.0, account="DU2"), order_id), 105),
        (with_id(limit_order("BUY", 1, 500.0), order_id - 1), 103),
    ):
        ib.client.placeOrder(order.orderId, stock("SPY"), order)
        await until(lambda code=code: errors.codes[-1:] == [code])
    gtc = with_id(limit_order("BUY", 5, 500.0), order_id)
    gtc.tif = "GTC"
    ib.client.placeOrder(order_id, stock("SPY"), gtc)
    await until(lambda: errors.codes[-1] == 462)
    assert [order.status for order in gateway.engine.orders] == ["Submitted", "Filled"]


async def test_the_same_id_while_the_first_is_still_pending_is_2102(scenario: Scenario, connect: Connect) -> None:
    slow = scenario.model_copy(update={"latency": Latency(ack=0.3)})
    async with SimulatedGateway(slow) as gateway:
        ib = await connect(gateway)
        errors = ErrorLog(ib)
        order = limit_order("BUY", 1, 500.0)
        trade = ib.placeOrder(stock("SPY"), order)
        ib.client.placeOrder(order.orderId, stock("SPY"), order)
        await until(lambda: errors.codes == [2102])
        await until(lambda: trade.orderStatus.status == "Submitted")
        assert len(gateway.engine.orders) == 1


async def test_a_live_order_can_be_changed(gateway: SimulatedGateway, connect: Connect) -> None:
    ib = await connect(gateway)
    trade = await resting(ib)
    trade.order.lmtPrice = 550.0
    trade.order.totalQuantity = 7
    ib.placeOrder(trade.contract, trade.order)
    await until(lambda: any(entry.message == "Modified" or trade.orderStatus.remaining == 7 for entry in trade.log))
    (order,) = gateway.engine.orders
    assert (order.quantity, order.limit_price) == (7, Decimal("550.0"))


async def test_order_ids_are_counted_per_client_and_survive_reconnecting(
    gateway: SimulatedGateway, connect: Connect
) -> None:
    first = await connect(gateway, client_id=1)
    order = with_id(market_order("BUY", 1), 500)
    await filled(first.placeOrder(stock("SPY"), order))
    first.disconnect()
    await until(lambda: gateway.connections[0].closed is not None)
    again, other = IB(), IB()
    ids: dict[str, list[int]] = {"again": [], "other": []}
    again.wrapper.nextValidId = ids["again"].append  # pyright: ignore[reportAttributeAccessIssue]
    other.wrapper.nextValidId = ids["other"].append  # pyright: ignore[reportAttributeAccessIssue]
    await again.connectAsync("127.0.0.1", gateway.port, clientId=1)
    await other.connectAsync("127.0.0.1", gateway.port, clientId=2)
    again.disconnect()
    other.disconnect()
    assert ids == {"again": [501], "other": [1]}


async def test_a_what_if_order_tells_margin_and_commission_and_places_nothing(
    gateway: SimulatedGateway, connect: Connect
) -> None:
    ib = await connect(gateway)
    state = await ib.whatIfOrderAsync(stock("SPY"), market_order("BUY", 10))
    assert float(state.initMarginChange) == pytest.approx(3000.0, abs=1)
    assert state.commission == 1.0
    assert gateway.engine.orders == []


async def test_too_little_money_is_error_201_and_the_order_inactive(
    gateway: SimulatedGateway, connect: Connect
) -> None:
    ib = await connect(gateway)
    errors = ErrorLog(ib)
    trade = ib.placeOrder(stock("SPY"), market_order("BUY", 9, account="DU2"))
    await until(lambda: errors.codes == [201])
    await until(lambda: trade.orderStatus.status == "Inactive")
    assert "AVAILABLE FUNDS [5000.00 USD]" in errors.entries[0][2]
    assert gateway.engine.accounts["DU2"].positions == {"SPY": 20}


async def test_a_cash_account_cannot_sell_what_it_does_not_hold(gateway: SimulatedGateway, connect: Connect) -> None:
    ib = await connect(gateway)
    errors = ErrorLog(ib)
    ib.placeOrder(stock("SPY"), market_order("SELL", 21, account="DU2"))
    await until(lambda: errors.codes == [201])
    assert gateway.engine.executions == []


@pytest.mark.parametrize(
    ("symbol", "changes", "code"),
    [
        ("NOPE", {}, 200),
        ("SPY", {"account": "DU99"}, 321),
        ("SPY", {"account": ""}, 435),
        ("SPY", {"action": "HOLD"}, 321),
        ("SPY", {"totalQuantity": 0}, 434),
        ("SPY", {"totalQuantity": 1.5}, 10243),
        ("SPY", {"orderType": "TRAIL"}, 387),
        ("SPY", {"orderType": "MOC", "tif": "GTC"}, 113),
        ("SPY", {"orderType": "LMT", "lmtPrice": 500.001}, 110),
        ("SPY", {"orderType": "LMT", "lmtPrice": 0.0}, 110),
    ],
)
async def test_orders_that_make_no_sense_are_refused(
    gateway: SimulatedGateway, connect: Connect, symbol: str, changes: dict[str, object], code: int
) -> None:
    ib = await connect(gateway)
    errors = ErrorLog(ib)
    order = market_order("BUY", 1)
    for name, value in changes.items():
        setattr(order, name, value)
    ib.placeOrder(stock(symbol), order)
    await until(lambda: errors.codes == [code])
    assert gateway.engine.orders == []


async def test_an_order_outside_hours_waits_with_warning_399(scenario: Scenario, connect: Connect) -> None:
    sunday = ClockSetup.model_validate({"mode": "fixed", "start": "2026-11-22T12:00:00-05:00"})
    closed = scenario.model_copy(update={"hours": "us_stocks", "clock": sunday})
    async with SimulatedGateway(closed) as gateway:
        ib = await connect(gateway)
        errors = ErrorLog(ib)
        trade = ib.placeOrder(stock("SPY"), market_order("BUY", 1))
        await until(lambda: trade.orderStatus.status == "PreSubmitted")
        await until(lambda: errors.codes == [399])
        assert "until 2026-11-23 09:30:00 US/Eastern" in errors.entries[0][2]
        assert not trade.isDone()
        ib.cancelOrder(trade.order)
        await until(lambda: trade.orderStatus.status == "Cancelled")


async def test_fills_while_the_client_was_away_are_found_again(scenario: Scenario, connect: Connect) -> None:
    slow = scenario.model_copy(update={"latency": Latency(fill=(0.05, 0.05))})
    async with SimulatedGateway(slow) as gateway:
        ib = await connect(gateway)
        trade = ib.placeOrder(stock("SPY"), market_order("BUY", 3, ref="away"))
        await until(lambda: trade.orderStatus.status == "Submitted")
        ib.disconnect()
        await until(lambda: gateway.engine.orders[0].status == "Filled")
        again = await connect(gateway)
        assert [f.execution.orderRef for f in again.fills()] == ["away"] * len(again.fills())
        assert sum(f.execution.shares for f in again.fills()) == 3
        assert await again.reqAllOpenOrdersAsync() == []


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, 3),
        ({"exchange": "SMART"}, 3),
        ({"exchange": "ISLAND"}, 1),
        ({"exchange": "NASDAQ"}, 1),
        ({"exchange": "NYSE"}, 0),
        ({"side": "BUY"}, 2),
        ({"side": "SLD"}, 1),
        ({"symbol": "QQQ"}, 1),
        ({"secType": "OPT"}, 0),
        ({"acctCode": "DU2"}, 0),
        ({"clientId": 2}, 0),
        ({"time": "20261123 11:00:00"}, 3),
        ({"time": "20261123 13:00:00 US/Eastern"}, 0),
        ({"time": "20261123-16:00:00"}, 3),
        ({"time": "20261123-18:00:00"}, 0),
        ({"time": "20261123 16:00:00 UTC"}, 3),
    ],
)
async def test_executions_are_told_as_far_as_they_pass_the_filter(
    scenario: Scenario, connect: Connect, wanted: dict[str, Any], found: int
) -> None:
    noon = ClockSetup.model_validate({"mode": "fixed", "start": "2026-11-23T12:00:00-05:00"})
    async with SimulatedGateway(scenario.model_copy(update={"clock": noon, "max_fill_parts": 1})) as gateway:
        ib = await connect(gateway)
        for symbol, action in (("SPY", "BUY"), ("QQQ", "SELL"), ("SPY", "BUY")):
            await filled(ib.placeOrder(stock(symbol), market_order(action, 1)))
        assert len(await ib.reqExecutionsAsync(ExecutionFilter(**wanted))) == found
