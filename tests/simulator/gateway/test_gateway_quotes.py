"""Quotes nobody should trade by, as the unmodified client library receives them, and hours told word by word."""

import math
from collections.abc import AsyncIterator

import httpx
import pytest
from ib_insync import IB

from simulator.gateway.scenario import Scenario, parse_scenario
from simulator.gateway.server import SimulatedGateway
from tests.simulator.gateway.gateway_client import Connect, ErrorLog, stock, until

FAULTY = """
hours: always_open
accounts: [{account: DU1, cash: "1000.00"}]
instruments:
  - {symbol: SPY, price: "600.00", spread: "0.02"}
  - {symbol: XBID, price: "10.00", spread: "0.02", quote_fault: crossed}
  - {symbol: XZERO, price: "10.00", quote_fault: zero}
  - {symbol: XONE, price: "10.00", quote_fault: one_sided}
  - {symbol: XABS, price: "10.00", quote_fault: absent}
  - {symbol: XSIL, price: "10.00", quote_fault: silent}
  - {symbol: XCLO, price: "10.00", quote_fault: closing, last_close: "9.50"}
  - symbol: VWRL
    price: "100.00"
    told_hours: {time_zone: GB-Eire, regular: "20261125:0800-20261125:1630", extended: "20261125:0715-20261125:1715"}
"""


@pytest.fixture
def scenario() -> Scenario:
    """One good symbol among bad ones."""
    return parse_scenario(FAULTY)


@pytest.fixture
async def gateway(scenario: Scenario) -> AsyncIterator[SimulatedGateway]:
    """That market with its control port open."""
    async with SimulatedGateway(scenario, control_port=0) as running:
        yield running


@pytest.fixture
async def http(gateway: SimulatedGateway) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the control port."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{gateway.control_port}") as client:
        yield client


async def quoted(ib: IB, symbol: str) -> tuple[float, float, float, float]:
    """Bid, ask, last and close of a snapshot."""
    (ticker,) = await ib.reqTickersAsync(stock(symbol))
    return ticker.bid, ticker.ask, ticker.last, ticker.close


@pytest.mark.parametrize(
    ("symbol", "expected"),
    [
        ("XBID", (10.02, 9.99, 10.0, 10.0)),
        ("XZERO", (0.0, 0.0, 10.0, 10.0)),
        ("XONE", (9.99, -1.0, 10.0, 10.0)),
        ("XABS", (-1.0, -1.0, -1.0, -1.0)),
        ("XCLO", (-1.0, -1.0, 10.0, 9.5)),
    ],
)
async def test_faulty_quotes_arrive_as_they_are(
    gateway: SimulatedGateway, connect: Connect, symbol: str, expected: tuple[float, ...]
) -> None:
    assert await quoted(await connect(gateway), symbol) == expected


async def test_a_symbol_without_ticks_leaves_the_client_with_nan(gateway: SimulatedGateway, connect: Connect) -> None:
    assert all(math.isnan(price) for price in await quoted(await connect(gateway), "XSIL"))


async def test_the_control_port_changes_what_followers_are_told_and_back(
    gateway: SimulatedGateway, connect: Connect, http: httpx.AsyncClient
) -> None:
    ib = await connect(gateway)
    ticker = ib.reqMktData(stock("SPY"))
    await until(lambda: ticker.bid == 599.99)
    answer = await http.post("/quotes", json={"SPY": {"fault": "crossed", "last_close": "400"}})
    assert answer.json()["SPY"] == {"market_data": "live", "fault": "crossed", "last_close": "400"}
    await until(lambda: ticker.bid > ticker.ask and ticker.close == 400)
    await http.post("/quotes", json={"SPY": {"fault": None, "last_close": None}})
    await until(lambda: ticker.bid < ticker.ask and ticker.close == 600)


async def test_quotes_that_are_withdrawn_end_with_the_error_that_says_so(
    gateway: SimulatedGateway, connect: Connect, http: httpx.AsyncClient
) -> None:
    ib = await connect(gateway)
    errors = ErrorLog(ib)
    ticker = ib.reqMktData(stock("SPY"))
    await until(lambda: ticker.bid == 599.99)
    await http.post("/quotes", json={"SPY": {"market_data": "competing"}})
    await until(lambda: errors.codes == [10197])


@pytest.mark.parametrize(
    "body", [[], {"NOPE": {}}, {"SPY": {"fault": "loud"}}, {"SPY": {"last_close": "-1"}}, {"SPY": {"price": "1"}}]
)
async def test_a_change_that_makes_no_sense_is_refused(http: httpx.AsyncClient, body: object) -> None:
    answer = await http.post("/quotes", json=body)
    assert answer.status_code == 400
    assert answer.json()["errors"]


async def test_hours_can_be_told_word_by_word(gateway: SimulatedGateway, connect: Connect) -> None:
    (details,) = await (await connect(gateway)).reqContractDetailsAsync(stock("VWRL"))
    assert details.timeZoneId == "GB-Eire"
    assert details.liquidHours == "20261125:0800-20261125:1630"
    assert details.tradingHours == "20261125:0715-20261125:1715"
