"""Requests that are not simulated, or of which a parameter is not, are refused to who asked. Nobody waits for ever."""

import asyncio
from typing import Any

import pytest
from ib_insync import Contract, ExecutionFilter, Order, ScannerSubscription, TagValue
from ib_insync.objects import WshEventData

from simulator.gateway.server import SimulatedGateway
from tests.simulator.gateway.gateway_client import Connect, ErrorLog, limit_order, sent_by_client, stock, until

SPY = stock("SPY")
NOT_SIMULATED: list[tuple[str, tuple[Any, ...]]] = [
    ("reqMktDepth", (SPY, 5, False, [])),
    ("exerciseOptions", (SPY, 1, 1, "DU1", 0)),
    ("reqScannerSubscription", (ScannerSubscription(), [], [])),
    ("reqRealTimeBars", (SPY, 5, "TRADES", True, [])),
    ("reqFundamentalData", (SPY, "ReportSnapshot", [])),
    ("calculateImpliedVolatility", (SPY, 1.0, 1.0, [])),
    ("calculateOptionPrice", (SPY, 1.0, 1.0, [])),
    ("queryDisplayGroups", ()),
    ("subscribeToGroupEvents", (1,)),
    ("updateDisplayGroup", ("1@SMART",)),
    ("unsubscribeFromGroupEvents", ()),
    ("reqSecDefOptParams", ("SPY", "", "STK", 1)),
    ("reqSoftDollarTiers", ()),
    ("reqMatchingSymbols", ("SP",)),
    ("reqSmartComponents", ("9c0001",)),
    ("reqNewsArticle", ("BRFG", "1", [])),
    ("reqHistoricalNews", (1, "BRFG", "", "", 1, [])),
    ("reqHeadTimeStamp", (SPY, "TRADES", True, 1)),
    ("reqHistogramData", (SPY, True, "1 day")),
    ("reqPnL", ("DU1", "")),
    ("reqPnLSingle", ("DU1", "", 1)),
    ("reqHistoricalTicks", (SPY, "", "", 1, "TRADES", True, False, [])),
    ("reqTickByTickData", (SPY, "Last", 0, False)),
    ("reqWshMetaData", ()),
    ("reqWshEventData", (WshEventData(),)),
    ("reqUserInfo", ()),
    ("replaceFA", (1, "<xml/>")),
    # Parameters of requests that are simulated.
    ("reqMktData", (SPY, "233", False, False, [])),
    ("reqMktData", (SPY, "", False, True, [])),
    ("reqMktData", (SPY, "", False, False, [TagValue("a", "b")])),
    ("reqHistoricalData", (SPY, "", "2 D", "1 day", "SCHEDULE", True, 1, False, [])),
    ("reqHistoricalData", (SPY, "", "2 D", "1 day", "MIDPOINT", True, 1, False, [])),
    ("reqHistoricalData", (SPY, "", "2 D", "1 day", "TRADES", False, 1, False, [])),
    ("reqHistoricalData", (SPY, "", "2 D", "1 day", "TRADES", True, 3, False, [])),
    ("reqHistoricalData", (SPY, "", "2 D", "1 day", "TRADES", True, 1, True, [])),
    ("reqHistoricalData", (SPY, "", "2 D", "1 day", "TRADES", True, 1, False, [TagValue("a", "b")])),
    ("reqAccountUpdatesMulti", ("DU1", "model", False)),
    ("reqAccountUpdatesMulti", ("DU1", "", True)),
    ("reqPositionsMulti", ("DU1", "model")),
    ("reqAccountSummary", ("Group", "NetLiquidation")),
    ("reqAccountSummary", ("All", "NetLiquidation,Nonesuch")),
    ("reqExecutions", (ExecutionFilter(side="HOLD"),)),
    ("reqContractDetails", (Contract(symbol="SPY", secType="STK", secIdType="ISIN", secId="US78462F1030"),)),
    ("cancelOrder", ("20301124 10:00:00",)),
]


@pytest.mark.parametrize(("method", "arguments"), NOT_SIMULATED)
async def test_what_is_not_simulated_is_refused_to_who_asked(
    gateway: SimulatedGateway, connect: Connect, method: str, arguments: tuple[Any, ...]
) -> None:
    ib = await connect(gateway)
    errors = ErrorLog(ib)
    getattr(ib.client, method)(4711, *arguments)
    await asyncio.wait_for(ib.reqCurrentTimeAsync(), 2)
    assert [(number, code) for number, code, _ in errors.entries] == [(4711, 322)]
    assert "is not simulated" in errors.entries[0][2]
    assert gateway.requests[-2].name == method, "it is in the request log"


@pytest.mark.parametrize(
    ("method", "code"),
    [
        ("cancelMktDepth", 300),
        ("cancelScannerSubscription", 300),
        ("cancelRealTimeBars", 300),
        ("cancelFundamentalData", 300),
        ("cancelCalculateImpliedVolatility", 300),
        ("cancelHistogramData", 300),
        ("cancelHeadTimeStamp", 300),
        ("cancelPnL", 300),
        ("cancelPnLSingle", 300),
        ("cancelTickByTickData", 300),
        ("cancelWshMetaData", 300),
        ("cancelHistoricalData", 366),
        ("cancelMktData", 300),
        ("cancelOrder", 10147),
    ],
)
async def test_a_cancel_of_what_nobody_asked_for_says_so(
    gateway: SimulatedGateway, connect: Connect, method: str, code: int
) -> None:
    ib = await connect(gateway)
    errors = ErrorLog(ib)
    getattr(ib.client, method)(4711, *([False] if method == "cancelMktDepth" else []))
    await until(lambda: [(number, found) for number, found, _ in errors.entries] == [(4711, code)])


@pytest.mark.parametrize(
    ("method", "arguments", "code"),
    [
        ("reqMarketDataType", (7,), 322),
        ("setServerLogLevel", (9,), 322),
        ("reqAutoOpenOrders", (True,), 327),
        ("requestFA", (1,), 322),
        ("reqMarketRule", (26,), 322),
        ("reqNewsBulletins", (True,), 322),
        ("verifyRequest", ("a", "b"), 322),
    ],
)
async def test_what_has_no_id_is_refused_under_none(
    gateway: SimulatedGateway, connect: Connect, method: str, arguments: tuple[Any, ...], code: int
) -> None:
    ib = await connect(gateway)
    errors = ErrorLog(ib)
    getattr(ib.client, method)(*arguments)
    await until(lambda: [(number, found) for number, found, _ in errors.entries] == [(-1, code)])


ASKED: list[tuple[str, tuple[Any, ...]]] = [
    ("reqMatchingSymbolsAsync", ("SP",)),
    (
        "reqHeadTimeStampAsync",
        (
            SPY,
            "TRADES",
            True,
            1,
        ),
    ),
    (
        "reqHistoricalTicksAsync",
        (
            SPY,
            "",
            "20301124 10:00:00",
            1,
            "TRADES",
            True,
        ),
    ),
    (
        "reqHistoricalDataAsync",
        (
            SPY,
            "",
            "2 D",
            "1 day",
            "SCHEDULE",
            True,
        ),
    ),
    (
        "reqHistoricalScheduleAsync",
        (
            SPY,
            2,
        ),
    ),
    (
        "reqHistogramDataAsync",
        (
            SPY,
            True,
            "1 day",
        ),
    ),
    (
        "reqFundamentalDataAsync",
        (
            SPY,
            "ReportSnapshot",
        ),
    ),
    ("reqScannerDataAsync", (ScannerSubscription(),)),
    ("reqScannerParametersAsync", ()),
    (
        "calculateImpliedVolatilityAsync",
        (
            SPY,
            1.0,
            1.0,
        ),
    ),
    (
        "calculateOptionPriceAsync",
        (
            SPY,
            1.0,
            1.0,
        ),
    ),
    (
        "reqSecDefOptParamsAsync",
        (
            "SPY",
            "",
            "STK",
            1,
        ),
    ),
    ("reqMktDepthExchangesAsync", ()),
    ("reqSmartComponentsAsync", ("9c0001",)),
    ("reqNewsProvidersAsync", ()),
    (
        "reqNewsArticleAsync",
        (
            "BRFG",
            "1",
        ),
    ),
    (
        "reqHistoricalNewsAsync",
        (
            1,
            "BRFG",
            "",
            "",
            1,
        ),
    ),
    ("reqUserInfoAsync", ()),
    ("getWshMetaDataAsync", ()),
    ("getWshEventDataAsync", (WshEventData(),)),
    (
        "whatIfOrderAsync",
        (
            SPY,
            Order(action="BUY", totalQuantity=1, orderType="MKT", allOrNone=True),
        ),
    ),
]


@pytest.mark.parametrize(("method", "arguments"), ASKED)
async def test_nobody_waits_for_ever_for_what_is_not_simulated(
    gateway: SimulatedGateway, connect: Connect, method: str, arguments: tuple[Any, ...]
) -> None:
    ib = await connect(gateway)
    await asyncio.wait_for(getattr(ib, method)(*arguments), 3)
    assert ib.isConnected()


@pytest.mark.parametrize(
    ("fields", "answer"),
    [
        (["1", "11", "4711"], (4711, 320)),
        (["9", "8", "4711", "x"], (4711, 320)),
        (["20", "4711"], (4711, 320)),
        (["62", "1", "4711", "All", "NetLiquidation", "more"], (4711, 320)),
        (["74", "1", str(2**40), "DU1", ""], (2**40, 320)),
        (["7", "3", "4711", "0", "", "yesterday", "", "", "", ""], (4711, 320)),
        (["7", "3", "4711", "many", "", "", "", "", "", ""], (4711, 320)),
        (["81", "0", "SP"], (0, 322)),
        (["49", "1", "more"], (-1, 320)),
        (["4711", "1", "2"], (-1, 320)),
        (["²", "1"], (-1, 320)),
        ([""], (-1, 320)),
        (["71", "2", "9", ""], (-1, 321)),
    ],
)
async def test_what_cannot_be_read_is_told_to_who_asked_as_far_as_that_can_be_known(
    gateway: SimulatedGateway, connect: Connect, fields: list[str], answer: tuple[int, int]
) -> None:
    ib = await connect(gateway)
    errors = ErrorLog(ib)
    ib.client.sendMsg("\0".join(fields) + "\0")
    await until(lambda: [(number, code) for number, code, _ in errors.entries] == [answer])
    assert ib.isConnected()
    assert [each.client_id for each in gateway.connections] == [1]


@pytest.mark.parametrize(
    ("place", "text"), [(17, "abc"), (17, "1e13"), (17, "1_0"), (19, "1e200"), (19, "x"), (17, "NaN"), (84, "99999999")]
)
async def test_numbers_that_are_none_are_told_under_the_orders_id(
    gateway: SimulatedGateway, connect: Connect, place: int, text: str
) -> None:
    ib = await connect(gateway)
    errors = ErrorLog(ib)
    order = limit_order("BUY", 1, 500.0)
    order.algoStrategy = "Adaptive"
    fields = sent_by_client(stock("SPY"), order)
    fields[place] = text
    ib.client.sendMsg("\0".join(fields) + "\0")
    await until(lambda: [(number, code) for number, code, _ in errors.entries] == [(7, 320)])
    assert gateway.engine.orders == []


async def test_two_streams_of_quotes_cannot_have_one_id(gateway: SimulatedGateway, connect: Connect) -> None:
    ib = await connect(gateway)
    errors = ErrorLog(ib)
    for _ in range(2):
        ib.client.reqMktData(4711, SPY, "", False, False, [])
    await until(lambda: errors.entries == [(4711, 322, "Error processing request: Duplicate ticker id")])
