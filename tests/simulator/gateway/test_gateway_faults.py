"""Faults on demand, as they reach the unmodified client."""

import asyncio
from decimal import Decimal

import pytest
from ib_insync import IB
from pydantic import ValidationError

from simulator.gateway.faults import FaultMatch, FaultRule
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

PLACING = FaultMatch(request="placeOrder")


async def answered(ib: IB) -> None:
    """Wait for a full round trip: everything sent before it has arrived and been looked at."""
    await ib.reqCurrentTimeAsync()


async def test_a_stalled_request_is_never_answered_while_others_are(
    gateway: SimulatedGateway, connect: Connect
) -> None:
    ib = await connect(gateway)
    gateway.add_fault(FaultRule(action="stall", match=FaultMatch(request="reqContractDetails"), count=None))
    waiting = asyncio.ensure_future(ib.reqContractDetailsAsync(stock("SPY")))
    await answered(ib)
    await answered(ib)
    assert not waiting.done()
    waiting.cancel()


async def test_a_delayed_request_lets_later_ones_pass(gateway: SimulatedGateway, connect: Connect) -> None:
    ib = await connect(gateway)
    gateway.add_fault(FaultRule(action="delay", match=FaultMatch(symbol="SPY"), seconds=0.1))
    order: list[str] = []

    async def ask(symbol: str) -> None:
        await ib.reqContractDetailsAsync(stock(symbol))
        order.append(symbol)

    await asyncio.gather(ask("SPY"), ask("QQQ"))
    assert order == ["QQQ", "SPY"]


async def test_a_dropped_acknowledgement_leaves_the_order_live(gateway: SimulatedGateway, connect: Connect) -> None:
    ib = await connect(gateway)
    gateway.add_fault(FaultRule(action="drop_ack", match=FaultMatch(order_ref="lost")))
    trade = ib.placeOrder(stock("SPY"), limit_order("BUY", 1, 500.0, ref="lost"))
    await answered(ib)
    assert trade.orderStatus.status == "PendingSubmit"
    (live,) = await ib.reqAllOpenOrdersAsync()
    assert live.order.orderRef == "lost"


async def test_after_a_dropped_acknowledgement_the_fill_is_told(gateway: SimulatedGateway, connect: Connect) -> None:
    ib = await connect(gateway)
    gateway.add_fault(FaultRule(action="drop_ack", match=PLACING))
    trade = ib.placeOrder(stock("SPY"), market_order("BUY", 1))
    await filled(trade)
    assert "Submitted" not in [entry.status for entry in trade.log]


async def test_a_muted_order_fills_without_a_word(gateway: SimulatedGateway, connect: Connect) -> None:
    ib = await connect(gateway)
    gateway.add_fault(FaultRule(action="mute_order", match=PLACING))
    trade = ib.placeOrder(stock("SPY"), market_order("BUY", 1, ref="quiet"))
    await until(lambda: len(gateway.engine.executions) == 1)
    await answered(ib)
    assert trade.orderStatus.status == "PendingSubmit"
    assert [f.execution.orderRef for f in await ib.reqExecutionsAsync()] == ["quiet"]


async def test_a_late_acknowledgement_comes_late_and_in_order(gateway: SimulatedGateway, connect: Connect) -> None:
    ib = await connect(gateway)
    gateway.add_fault(FaultRule(action="delay_ack", match=PLACING, seconds=0.1))
    trade = ib.placeOrder(stock("SPY"), market_order("BUY", 1))
    await until(lambda: len(gateway.engine.executions) == 1)
    await answered(ib)
    assert trade.orderStatus.status == "PendingSubmit"
    await filled(trade)


async def test_a_rejected_order_is_never_known_and_its_id_used_up(gateway: SimulatedGateway, connect: Connect) -> None:
    ib = await connect(gateway)
    errors = ErrorLog(ib)
    gateway.add_fault(FaultRule(action="reject", match=FaultMatch(account="DU1", request="placeOrder"), code=201))
    trade = ib.placeOrder(stock("SPY"), market_order("BUY", 1))
    await until(lambda: errors.codes == [201])
    assert trade.orderStatus.status == "Cancelled"
    assert gateway.engine.orders == []
    again = with_id(market_order("BUY", 1), trade.order.orderId)
    ib.client.placeOrder(again.orderId, stock("SPY"), again)
    await until(lambda: errors.codes == [201, 103])
    ib.client.cancelOrder(again.orderId)
    await until(lambda: errors.codes == [201, 103, 10147])


async def test_any_request_can_be_answered_with_an_error(gateway: SimulatedGateway, connect: Connect) -> None:
    ib = await connect(gateway)
    errors = ErrorLog(ib)
    rule = FaultRule(action="reject", match=FaultMatch(request="reqMktData"), code=10197)
    gateway.add_fault(rule)
    (ticker,) = await ib.reqTickersAsync(stock("SPY"))
    assert ticker.bid != ticker.bid
    assert errors.entries[0][1:] == (10197, "No market data during competing live session")
    (ticker,) = await ib.reqTickersAsync(stock("SPY"))
    assert ticker.bid == 599.99, "the rule was for one request only"


async def test_closing_before_an_order_takes_effect_leaves_no_order(
    gateway: SimulatedGateway, connect: Connect
) -> None:
    ib = await connect(gateway)
    gateway.add_fault(FaultRule(action="close_before", match=PLACING))
    ib.placeOrder(stock("SPY"), market_order("BUY", 1))
    await until(lambda: not ib.isConnected())
    assert gateway.engine.orders == []


async def test_closing_after_an_order_took_effect_leaves_it_live(gateway: SimulatedGateway, connect: Connect) -> None:
    ib = await connect(gateway)
    gateway.add_fault(FaultRule(action="close_after", match=PLACING))
    trade = ib.placeOrder(stock("SPY"), market_order("BUY", 1, ref="cut-off"))
    await until(lambda: not ib.isConnected())
    await until(lambda: [o.status for o in gateway.engine.orders] == ["Filled"])
    assert trade.orderStatus.status == "PendingSubmit"
    again = await connect(gateway)
    assert [f.execution.orderRef for f in again.fills()] == ["cut-off"]


@pytest.mark.parametrize("roll_back", [True, False])
async def test_a_swallowed_order_vanishes_with_or_without_its_id(
    gateway: SimulatedGateway, connect: Connect, roll_back: bool
) -> None:
    ib = await connect(gateway)
    gateway.add_fault(FaultRule(action="swallow", match=PLACING, roll_back=roll_back))
    trade = ib.placeOrder(stock("SPY"), market_order("BUY", 1))
    await answered(ib)
    assert trade.orderStatus.status == "PendingSubmit"
    assert gateway.engine.orders == []
    next_id = gateway.engine.next_order_id(1)
    assert next_id == (1 if roll_back else trade.order.orderId + 1)
    errors = ErrorLog(ib)
    ib.client.placeOrder(trade.order.orderId, trade.contract, trade.order)
    await answered(ib)
    assert errors.codes == ([] if roll_back else [103])


async def test_a_half_open_connection_neither_answers_nor_closes(gateway: SimulatedGateway, connect: Connect) -> None:
    ib = await connect(gateway)
    gateway.add_fault(FaultRule(action="half_open"))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(ib.reqCurrentTimeAsync(), 0.05)
    assert ib.isConnected()
    ib.disconnect()
    await until(lambda: gateway.connections[0].closed is not None)


async def test_a_dead_connection_keeps_its_client_id_for_a_while(gateway: SimulatedGateway, connect: Connect) -> None:
    ib = await connect(gateway)
    gateway.add_fault(FaultRule(action="half_open", seconds=0.3))
    ib.disconnect()
    second = IB()
    errors = ErrorLog(second)
    with pytest.raises((TimeoutError, ConnectionError)):
        await second.connectAsync("127.0.0.1", gateway.port, clientId=1, timeout=0.05)
    assert 326 in errors.codes
    await until(lambda: gateway.connections[0].closed is not None)
    assert (await connect(gateway)).isConnected()


async def test_lost_connectivity_holds_back_order_news_until_it_is_restored(
    gateway: SimulatedGateway, connect: Connect
) -> None:
    ib = await connect(gateway)
    errors = ErrorLog(ib)
    trade = ib.placeOrder(stock("SPY"), limit_order("BUY", 1, 590.0))
    await until(lambda: trade.orderStatus.status == "Submitted")
    gateway.add_fault(FaultRule(action="notice", code=1100))
    gateway.engine.move_price("SPY", Decimal("580.00"))
    await until(lambda: gateway.engine.orders[0].status == "Filled")
    await answered(ib)
    assert trade.orderStatus.status == "Submitted"
    gateway.add_fault(FaultRule(action="notice", code=1102))
    await filled(trade)
    assert errors.codes == [1100, 1102]


async def test_a_preset_notice_makes_the_client_believe_a_live_order_cancelled(
    gateway: SimulatedGateway, connect: Connect
) -> None:
    ib = await connect(gateway)
    errors = ErrorLog(ib)
    gateway.add_fault(FaultRule(action="notice", code=10349, match=PLACING))
    trade = ib.placeOrder(stock("SPY"), limit_order("BUY", 1, 500.0))
    await until(lambda: errors.codes == [10349])
    await answered(ib)
    assert "Cancelled" in [entry.status for entry in trade.log]
    assert gateway.engine.orders[0].status == "Submitted"


async def test_a_rule_waits_and_counts_and_can_be_dropped(gateway: SimulatedGateway, connect: Connect) -> None:
    ib = await connect(gateway)
    errors = ErrorLog(ib)
    gateway.add_fault(FaultRule(action="notice", code=2103, match=FaultMatch(symbol="SPY"), after=1, count=2))
    for _ in range(4):
        await ib.reqContractDetailsAsync(stock("SPY"))
    assert errors.codes == [2103, 2103]
    assert [struck for _, struck in gateway.faults.rules] == [2]
    gateway.add_fault(FaultRule(action="notice", code=2103, match=FaultMatch(client_id=1), count=None))
    gateway.faults.clear()
    await answered(ib)
    assert errors.codes == [2103, 2103]


async def test_a_cancel_can_be_matched_by_account_symbol_and_ref(gateway: SimulatedGateway, connect: Connect) -> None:
    ib = await connect(gateway)
    trade = ib.placeOrder(stock("SPY"), limit_order("BUY", 1, 500.0, ref="mine"))
    await until(lambda: trade.orderStatus.status == "Submitted")
    match = FaultMatch(request="cancelOrder", account="DU1", symbol="SPY", order_ref="mine")
    gateway.add_fault(FaultRule(action="stall", match=match))
    ib.cancelOrder(trade.order)
    await answered(ib)
    assert gateway.engine.orders[0].status == "Submitted"
    assert gateway.requests[-2].order_ref == "mine"


@pytest.mark.parametrize(
    "rule",
    [
        {"action": "explode"},
        {"action": "stall"},
        {"action": "swallow", "match": {"request": "reqPositions"}},
        {"action": "notice", "count": 0},
        {"action": "delay", "match": {}, "seconds": -1},
        {"action": "delay", "match": {"colour": "red"}},
    ],
)
def test_rules_that_make_no_sense_are_refused(rule: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        FaultRule.model_validate(rule)
