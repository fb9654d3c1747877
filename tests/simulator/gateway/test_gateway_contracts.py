"""Contracts, quotes and bars as the unmodified client sees them."""

import asyncio
import math
from datetime import date, datetime
from decimal import Decimal

import pytest
from ib_insync import Contract, Stock

from simulator.gateway.clock import read_moment
from simulator.gateway.scenario import ClockSetup, Scenario
from simulator.gateway.server import SimulatedGateway
from testbed.waiting import PATIENCE
from tests.simulator.gateway.gateway_client import Connect, ErrorLog, stock, until


async def test_contract_details_carry_hours_and_their_time_zone(gateway: SimulatedGateway, connect: Connect) -> None:
    ib = await connect(gateway)
    (details,) = await ib.reqContractDetailsAsync(stock("QQQ"))
    assert details.timeZoneId == "US/Eastern"
    assert len(details.liquidHours.split(";")) == 7
    assert len(details.tradingHours.split(";")) == 7
    assert details.minTick == 0.01
    assert details.contract is not None
    assert details.contract.primaryExchange == "NASDAQ"


async def test_qualifying_fills_in_the_contract_id_and_finds_it_again(
    gateway: SimulatedGateway, connect: Connect
) -> None:
    ib = await connect(gateway)
    (qualified,) = await ib.qualifyContractsAsync(stock("SPY"))
    assert qualified.conId > 0
    (again,) = await ib.reqContractDetailsAsync(Contract(conId=qualified.conId))
    assert again.contract is not None
    assert again.contract.symbol == "SPY"


async def test_an_unknown_symbol_is_error_200(gateway: SimulatedGateway, connect: Connect) -> None:
    ib = await connect(gateway)
    errors = ErrorLog(ib)
    assert await ib.qualifyContractsAsync(stock("NOPE"), Stock("SPY", "SMART", "EUR")) == []
    assert errors.codes == [200, 200]


async def test_a_snapshot_has_bid_ask_and_last(gateway: SimulatedGateway, connect: Connect) -> None:
    ib = await connect(gateway)
    (ticker,) = await ib.reqTickersAsync(stock("SPY"))
    assert (ticker.bid, ticker.ask, ticker.last, ticker.close) == (599.99, 600.01, 600.0, 600.0)
    assert ticker.marketDataType == 1


async def test_without_entitlement_there_is_no_quote(gateway: SimulatedGateway, connect: Connect) -> None:
    ib = await connect(gateway)
    errors = ErrorLog(ib)
    ib.reqMarketDataType(3)
    (ticker,) = await ib.reqTickersAsync(stock("BND"))
    assert errors.codes == [354]
    assert math.isnan(ticker.bid)


async def test_delayed_quotes_come_only_to_those_who_asked_for_them(
    gateway: SimulatedGateway, connect: Connect
) -> None:
    ib = await connect(gateway)
    errors = ErrorLog(ib)
    (refused,) = await ib.reqTickersAsync(stock("AGG"))
    assert math.isnan(refused.bid)
    assert errors.codes == [354]
    ib.reqMarketDataType(3)
    (delayed,) = await ib.reqTickersAsync(stock("AGG"))
    assert (delayed.bid, delayed.ask, delayed.last) == (99.99, 100.01, 100.0)
    assert delayed.marketDataType == 3
    assert errors.codes == [354, 10167]


async def test_a_streaming_quote_follows_the_price_until_cancelled(gateway: SimulatedGateway, connect: Connect) -> None:
    ib = await connect(gateway)
    (spy,) = await ib.qualifyContractsAsync(stock("SPY"))
    ticker = ib.reqMktData(spy)
    await until(lambda: ticker.bid == 599.99)
    gateway.engine.move_price("SPY", Decimal("610.00"))
    await until(lambda: ticker.bid == 609.99 and ticker.ask == 610.01)
    ib.cancelMktData(spy)
    await ib.reqCurrentTimeAsync()
    gateway.engine.move_price("SPY", Decimal("620.00"))
    await ib.reqCurrentTimeAsync()
    assert ticker.bid == 609.99


async def test_cancelling_a_quote_nobody_asked_for_is_error_300(gateway: SimulatedGateway, connect: Connect) -> None:
    ib = await connect(gateway)
    errors = ErrorLog(ib)
    ib.client.cancelMktData(4711)
    await until(lambda: errors.codes == [300])


async def test_daily_and_hourly_bars_end_at_the_present_price(gateway: SimulatedGateway, connect: Connect) -> None:
    ib = await connect(gateway)
    daily = await ib.reqHistoricalDataAsync(stock("SPY"), "", "10 D", "1 day", "TRADES", True)
    hourly = await ib.reqHistoricalDataAsync(stock("SPY"), "", "2 D", "1 hour", "TRADES", True)
    assert len(daily) == 10
    assert len(hourly) == 14
    assert daily[-1].close == hourly[-1].close == 600.0
    assert isinstance(daily[0].date, date)
    assert isinstance(hourly[0].date, datetime)
    assert all(bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high for bar in daily)
    assert [bar.date for bar in daily] == sorted(bar.date for bar in daily)
    again = await ib.reqHistoricalDataAsync(stock("SPY"), "", "10 D", "1 day", "TRADES", True)
    assert [bar.close for bar in again] == [bar.close for bar in daily]


FRIDAY_NIGHT = {"mode": "fixed", "start": "2026-11-20T20:00:00-05:00"}


@pytest.mark.parametrize(
    ("end", "last_day"),
    [
        ("", "2026-11-20"),
        ("20261118 23:59:59 US/Eastern", "2026-11-18"),
        ("20261118 16:00:00", "2026-11-18"),
        ("20261118 15:59:59", "2026-11-17"),
        ("20261118-21:00:00", "2026-11-18"),
        ("20261118-20:59:59", "2026-11-17"),
        ("20261115 12:00:00 UTC", "2026-11-13"),
        ("20301118 12:00:00", "2026-11-20"),
    ],
)
async def test_bars_end_where_they_are_asked_to_and_are_the_same_ones(
    scenario: Scenario, connect: Connect, end: str, last_day: str
) -> None:
    on_friday = scenario.model_copy(update={"clock": ClockSetup.model_validate(FRIDAY_NIGHT), "hours": "us_stocks"})
    async with SimulatedGateway(on_friday) as gateway:
        ib = await connect(gateway)
        bars = await ib.reqHistoricalDataAsync(stock("SPY"), end, "5 D", "1 day", "TRADES", True)
        assert [len(bars), str(bars[-1].date)] == [5, last_day]
        newest = await ib.reqHistoricalDataAsync(stock("SPY"), "", "20 D", "1 day", "TRADES", True)
        assert [bar for bar in newest if bar.date <= bars[-1].date][-5:] == list(bars)
        hours = await ib.reqHistoricalDataAsync(stock("SPY"), end, "1 D", "1 hour", "TRADES", True)
        assert len(hours) == 7
        assert isinstance(hours[-1].date, datetime)
        asked_for = read_moment(end) or gateway.engine.clock.now()
        assert hours[-1].date <= asked_for


@pytest.mark.parametrize(
    ("end", "duration", "code"),
    [
        ("20261118", "2 D", 10314),
        ("20261318 12:00:00", "2 D", 10314),
        ("20261118 12:00:00 Nowhere/Land", "2 D", 10314),
        ("20261118 12:00:00 ../../etc/passwd", "2 D", 10314),
        ("yesterday", "2 D", 10314),
        ("19700101 12:00:00", "2 D", 162),
        ("00010101 12:00:00", "2 D", 162),
        ("", "9999 Y", 162),
        ("", "99999 D", 162),
        ("", "² D", 162),
        ("", "0 D", 162),
    ],
)
async def test_bars_that_cannot_be_told_are_an_error_at_once(
    gateway: SimulatedGateway, connect: Connect, end: str, duration: str, code: int
) -> None:
    ib = await connect(gateway)
    errors = ErrorLog(ib)
    async with asyncio.timeout(PATIENCE):
        assert not await ib.reqHistoricalDataAsync(stock("SPY"), end, duration, "1 day", "TRADES", True)
    assert errors.codes == [code]


async def test_of_a_market_with_a_few_sessions_there_are_no_more_bars_than_those(
    scenario: Scenario, connect: Connect
) -> None:
    sessions = [{"opens": "2026-11-18T09:30-05:00", "closes": "2026-11-18T16:00-05:00"}]
    changes = {"hours": "listed", "sessions": sessions, "clock": FRIDAY_NIGHT}
    listed = Scenario.model_validate({**scenario.model_dump(), **changes})
    async with SimulatedGateway(listed) as gateway:
        ib = await connect(gateway)
        async with asyncio.timeout(PATIENCE):
            bars = await ib.reqHistoricalDataAsync(stock("SPY"), "", "5 D", "1 day", "TRADES", True)
        assert [str(bar.date) for bar in bars] == ["2026-11-18"]


@pytest.mark.parametrize("primary", ["ISLAND", "NASDAQ"])
async def test_nasdaq_goes_by_its_old_name_too(gateway: SimulatedGateway, connect: Connect, primary: str) -> None:
    ib = await connect(gateway)
    (details,) = await ib.reqContractDetailsAsync(Stock("QQQ", "SMART", "USD", primaryExchange=primary))
    assert details.contract is not None
    assert details.contract.primaryExchange == "NASDAQ"
    errors = ErrorLog(ib)
    assert await ib.reqContractDetailsAsync(Stock("SPY", "SMART", "USD", primaryExchange=primary)) == []
    assert errors.codes == [200]


async def test_bars_that_are_not_simulated_are_error_162(gateway: SimulatedGateway, connect: Connect) -> None:
    ib = await connect(gateway)
    errors = ErrorLog(ib)
    assert not await ib.reqHistoricalDataAsync(stock("SPY"), "", "10 S", "1 secs", "TRADES", True)
    assert errors.codes == [162]
