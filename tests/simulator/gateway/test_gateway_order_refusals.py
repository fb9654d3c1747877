"""What of an order is not simulated is refused, by its name and before it does anything."""

import asyncio
import dataclasses
from typing import Any

import pytest
from ib_insync import (
    Bag,
    ComboLeg,
    Contract,
    DeltaNeutralContract,
    Order,
    PriceCondition,
    SoftDollarTier,
    TagValue,
)

from simulator.gateway.requests import decode_request
from simulator.gateway.server import SimulatedGateway
from tests.simulator.gateway.gateway_client import (
    Connect,
    ErrorLog,
    limit_order,
    market_order,
    sent_by_client,
    stock,
    until,
)

SIMULATED = {
    "action",
    "totalQuantity",
    "orderType",
    "lmtPrice",
    "tif",
    "account",
    "orderRef",
    "outsideRth",
    "algoStrategy",
    "algoParams",
    "whatIf",
}
"""What the stand-in reads of an order. Everything else that reaches it has to be refused."""

STRANGE: dict[str, Any] = {
    "openClose": "C",
    "ocaType": 4,
    "transmit": False,
    "conditions": [PriceCondition(conId=1, price=1.0)],
    "softDollarTier": SoftDollarTier("name", "value", ""),
    "orderMiscOptions": [TagValue("a", "b")],
    "smartComboRoutingParams": [TagValue("a", "b")],
    "deltaNeutralOrderType": "LMT",
}
"""A value that asks for something, where one cannot be made up from the type of the attribute."""

NAMES = {"softDollarTier": "softDollarTierName"}
TOGETHER: dict[str, dict[str, Any]] = {
    "scalePriceIncrement": dict.fromkeys(
        (
            "scalePriceAdjustValue",
            "scalePriceAdjustInterval",
            "scaleProfitOffset",
            "scaleInitPosition",
            "scaleInitFillQty",
        ),
        1,
    ),
    "hedgeType": {"hedgeParam": "1"},
    "deltaNeutralOrderType": {"deltaNeutralConId": 5, "deltaNeutralShortSale": True},
}
"""Attributes that a client sends together with another one only."""


def strange(name: str, default: Any) -> Any:
    """A value of an order's attribute that is not its default."""
    if name in STRANGE:
        return STRANGE[name]
    if isinstance(default, bool):
        return not default
    return {int: 7, float: 7.5, str: "X"}.get(type(default), "X")


def changed_order(name: str) -> Order:
    """A market order with one attribute set that a plain one leaves alone."""
    order = market_order("BUY", 1)
    values = {name: strange(name, getattr(Order(), name)), **TOGETHER.get(name, {})}
    for each, value in values.items():
        setattr(order, each, value)
    return order


PLAIN = sent_by_client(stock("SPY"), market_order("BUY", 1))
ON_THE_WIRE = [
    each.name
    for each in dataclasses.fields(Order)
    if each.name not in SIMULATED and sent_by_client(stock("SPY"), changed_order(each.name)) != PLAIN
]
"""The others clients keep to themselves, or send only beside one of these."""


def test_most_attributes_of_an_order_reach_the_gateway() -> None:
    assert len(ON_THE_WIRE) > 80


@pytest.mark.parametrize("name", ON_THE_WIRE)
def test_every_attribute_of_an_order_that_reaches_the_gateway_is_refused_by_its_name(name: str) -> None:
    fields = sent_by_client(stock("SPY"), changed_order(name))
    refusal = decode_request(fields).refusal
    assert refusal is not None
    if refusal.code == 201:
        assert f"{NAMES.get(name, name)}=" in refusal.text
    else:
        assert name.lower() in refusal.text.lower()


@pytest.mark.parametrize("place", range(15, 115))
def test_no_field_of_an_order_is_passed_over(place: int) -> None:
    """Whatever stands in a field instead of what a plain order has there is simulated, refused, or cannot be read."""
    simulated = {16: "BUY", 17: "5", 18: "LMT", 19: "12.5", 21: "GTC", 23: "DU2", 26: "ref", 33: "1", 85: "1"}
    fields = sent_by_client(stock("SPY"), limit_order("BUY", 1, 12.0))
    fields[place] = simulated.get(place, "99")
    request = decode_request(fields)
    if place in simulated:
        assert request.refusal is None
        assert simulated[place] in (*request.options.values(),)
    else:
        assert request.refusal is not None, f"field {place} of {len(fields)}"
        assert request.answer_to == 7


LISTED: list[tuple[str, dict[str, Any]]] = [
    ("transmit", {"transmit": False}),
    ("goodAfterTime", {"goodAfterTime": "20301124 10:00:00"}),
    ("conditions", {"conditions": [PriceCondition(conId=1, price=1.0)]}),
    ("tif", {"tif": "OPG"}),
    ("tif", {"tif": "GTD", "goodTillDate": "20301124 10:00:00"}),
    ("tif", {"tif": "WHENEVER"}),
    ("tif", {"tif": "day"}),
    ("allOrNone", {"allOrNone": True}),
    ("parentId", {"parentId": 4711}),
    ("ocaGroup", {"ocaGroup": "group", "ocaType": 1}),
    ("faGroup", {"faGroup": "All", "faMethod": "NetLiq"}),
    ("auxPrice", {"auxPrice": 12.0}),
    ("scalePriceIncrement", {"orderType": "LMT", "lmtPrice": 1.0, "scalePriceIncrement": 0.1}),
    ("hedgeType", {"hedgeType": "B", "hedgeParam": "1"}),
    ("whatIf", {"whatIf": True, "allOrNone": True}),
    ("lmtPrice", {"lmtPrice": 500.0}),
    ("order type", {"orderType": "PEG MID"}),
    ("order type", {"orderType": "PEG BENCH", "referenceContractId": 1}),
    ("order type", {"orderType": "STP", "auxPrice": 0.0}),
    ("EtradeOnly", {"eTradeOnly": True}),
]


@pytest.mark.parametrize(("name", "changes"), LISTED)
async def test_an_order_that_asks_for_more_than_is_simulated_never_reaches_the_market(
    gateway: SimulatedGateway, connect: Connect, name: str, changes: dict[str, Any]
) -> None:
    ib = await connect(gateway)
    errors = ErrorLog(ib)
    order = market_order("BUY", 1)
    for attribute, value in changes.items():
        setattr(order, attribute, value)
    trade = ib.placeOrder(stock("SPY"), order)
    await until(lambda: bool(errors.entries))
    ((order_id, code, text),) = errors.entries
    assert order_id == trade.order.orderId
    assert code in (201, 387, 10268)
    assert name in text or name == "whatIf"
    assert gateway.engine.orders == []
    assert trade.orderStatus.status == "Cancelled"


@pytest.mark.parametrize(("question", "codes"), [(False, [201, 103]), (True, [201])])
async def test_the_id_of_a_refused_order_is_used_up_that_of_a_question_is_not(
    gateway: SimulatedGateway, connect: Connect, question: bool, codes: list[int]
) -> None:
    ib = await connect(gateway)
    errors = ErrorLog(ib)
    refused = market_order("BUY", 1)
    refused.allOrNone, refused.whatIf = True, question
    ib.client.placeOrder(7, stock("SPY"), refused)
    ib.client.placeOrder(7, stock("SPY"), market_order("BUY", 1))
    await asyncio.wait_for(ib.reqCurrentTimeAsync(), 2)
    assert errors.codes == codes
    assert bool(gateway.engine.orders) == question


async def test_a_change_that_asks_for_more_than_is_simulated_leaves_the_order_alive(
    gateway: SimulatedGateway, connect: Connect
) -> None:
    ib = await connect(gateway)
    errors = ErrorLog(ib)
    trade = ib.placeOrder(stock("SPY"), limit_order("BUY", 5, 500.0))
    await until(lambda: trade.orderStatus.status == "Submitted")
    changed = limit_order("BUY", 7, 501.0)
    changed.allOrNone = True
    ib.client.placeOrder(trade.order.orderId, stock("SPY"), changed)
    await until(lambda: errors.codes == [105])
    assert "allOrNone=1" in errors.entries[0][2]
    (order,) = gateway.engine.orders
    assert (order.status, order.quantity, str(order.limit_price)) == ("Submitted", 5, "500.0")


@pytest.mark.parametrize(
    "contract",
    [
        Bag(symbol="SPY", exchange="SMART", currency="USD", comboLegs=[ComboLeg(conId=1, ratio=1, action="BUY")]),
        Contract(symbol="SPY", secType="STK", exchange="SMART", currency="USD", secIdType="ISIN", secId="US78462F1030"),
        Contract(
            symbol="SPY",
            secType="STK",
            exchange="SMART",
            currency="USD",
            deltaNeutralContract=DeltaNeutralContract(1, 0.5, 1.0),
        ),
    ],
)
async def test_a_contract_that_is_more_than_a_stock_is_refused_in_orders_and_queries(
    gateway: SimulatedGateway, connect: Connect, contract: Contract
) -> None:
    ib = await connect(gateway)
    errors = ErrorLog(ib)
    trade = ib.placeOrder(contract, market_order("BUY", 1))
    await until(lambda: errors.codes == [201])
    assert errors.entries[0][0] == trade.order.orderId
    assert gateway.engine.orders == []
    if contract.deltaNeutralContract or contract.secType == "BAG":
        ib.client.reqMktData(4711, contract, "", False, False, [])
    else:
        ib.client.reqContractDetails(4711, contract)
    await until(lambda: errors.codes == [201, 322])
    assert errors.entries[1][0] == 4711


@pytest.mark.parametrize(
    "changes",
    [
        {"lastTradeDateOrContractMonth": "20301220", "strike": 500.0, "right": "C", "multiplier": "100"},
        {"conId": 1, "exchange": "IBKRATS"},
        {"tradingClass": "SPYW"},
        {"conId": 1, "secType": "OPT"},
    ],
)
async def test_a_stock_with_what_no_stock_has_is_not_found(
    gateway: SimulatedGateway, connect: Connect, changes: dict[str, Any]
) -> None:
    ib = await connect(gateway)
    (spy,) = await ib.qualifyContractsAsync(stock("SPY"))
    changes = {**changes, **({"conId": spy.conId} if "conId" in changes else {})}
    errors = ErrorLog(ib)
    assert await ib.reqContractDetailsAsync(Contract(**{**dataclasses.asdict(stock("SPY")), **changes})) == []
    assert errors.codes == [200]


async def test_what_the_gateway_tells_of_an_order_can_be_sent_back_with_a_change(
    gateway: SimulatedGateway, connect: Connect
) -> None:
    first = await connect(gateway)
    placed = first.placeOrder(stock("SPY"), limit_order("BUY", 5, 500.0))
    await until(lambda: placed.orderStatus.status == "Submitted")
    first.disconnect()
    await until(lambda: gateway.connections[0].closed is not None)
    again = await connect(gateway)
    errors = ErrorLog(again)
    (trade,) = again.openTrades()
    trade.order.lmtPrice = 501.0
    again.placeOrder(trade.contract, trade.order)
    await until(lambda: str(gateway.engine.orders[0].limit_price) == "501.0")
    assert errors.codes == []


def test_a_field_after_the_last_one_known_cannot_be_read() -> None:
    fields = [*sent_by_client(stock("SPY"), market_order("BUY", 1)), "1"]
    refusal = decode_request(fields).refusal
    assert refusal is not None
    assert (refusal.code, decode_request(fields).answer_to) == (320, 7)


@pytest.mark.parametrize("order_id", [0, -5, 2**31 - 1, 2**31, 2**40])
async def test_order_ids_that_are_none_are_10149_and_change_nothing(
    gateway: SimulatedGateway, connect: Connect, order_id: int
) -> None:
    ib = await connect(gateway)
    errors = ErrorLog(ib)
    fields = sent_by_client(stock("SPY"), market_order("BUY", 1))
    fields[1] = str(order_id)
    ib.client.sendMsg("\0".join(fields) + "\0")
    await until(lambda: bool(errors.entries))
    assert errors.entries == [(order_id, 10149, f"Invalid order id: {order_id}")]
    assert gateway.engine.orders == []
    assert gateway.engine.next_order_id(1) == 1


async def test_an_order_id_near_the_end_is_warned_about_and_the_order_placed(
    gateway: SimulatedGateway, connect: Connect
) -> None:
    ib = await connect(gateway)
    errors = ErrorLog(ib)
    ib.client.placeOrder(2**31 - 2, stock("SPY"), market_order("BUY", 1))
    await until(lambda: bool(gateway.engine.orders) and gateway.engine.orders[0].status == "Filled")
    assert errors.codes == [2146]


async def test_on_a_login_with_one_account_an_order_without_one_is_for_that(
    gateway: SimulatedGateway, connect: Connect
) -> None:
    alone = gateway.engine.scenario.model_copy(update={"accounts": gateway.engine.scenario.accounts[:1]})
    async with SimulatedGateway(alone) as single:
        ib = await connect(single)
        trade = ib.placeOrder(stock("SPY"), market_order("BUY", 1, account=""))
        await until(lambda: trade.orderStatus.status == "Filled")
        assert single.engine.executions[0].account == "DU1"


def test_a_word_in_the_spelling_for_unset_is_none_in_the_order_too() -> None:
    fields = [
        "2147483647" if field == "DAY" else field
        for field in sent_by_client(stock("SPY"), limit_order("BUY", 1, 500.0))
    ]
    request = decode_request(fields)
    assert request.refusal is None
    assert request.ticket is not None
    assert request.ticket.tif == ""
