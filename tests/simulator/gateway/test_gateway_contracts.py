"""Contracts, quotes and bars as the unmodified client sees them."""

import asyncio
import math
from datetime import date, datetime
from decimal import Decimal

from ib_insync import Contract, Stock

from simulator.gateway.server import SimulatedGateway
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


async def test_bars_that_are_not_simulated_are_error_162(gateway: SimulatedGateway, connect: Connect) -> None:
    ib = await connect(gateway)
    errors = ErrorLog(ib)
    assert not await ib.reqHistoricalDataAsync(stock("SPY"), "", "10 S", "1 secs", "TRADES", True)
    assert errors.codes == [162]


async def test_what_is_not_simulated_says_so_instead_of_hanging(gateway: SimulatedGateway, connect: Connect) -> None:
    ib = await connect(gateway)
    errors = ErrorLog(ib)
    async with asyncio.timeout(2):
        await ib.reqSecDefOptParamsAsync("SPY", "", "STK", 1)
    assert errors.codes == [321]
