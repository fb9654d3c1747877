"""Connecting, accounts and positions as the unmodified client sees them."""

import asyncio

import pytest

from simulator.gateway.scenario import AccountSetup, Scenario
from simulator.gateway.server import SimulatedGateway
from simulator.loopback import NotLoopbackError
from tests.simulator.gateway.gateway_client import Connect, ErrorLog, filled, market_order, stock, until


async def test_connecting_tells_accounts_version_and_positions(gateway: SimulatedGateway, connect: Connect) -> None:
    ib = await connect(gateway)
    assert ib.client.serverVersion() == 176
    assert ib.managedAccounts() == ["DU1", "DU2"]
    assert {(p.account, p.contract.symbol, p.position) for p in ib.positions()} == {
        ("DU1", "QQQ", 10.0),
        ("DU2", "SPY", 20.0),
    }


async def test_connecting_loads_every_accounts_figures(gateway: SimulatedGateway, connect: Connect) -> None:
    ib = await connect(gateway)
    values = {(v.tag, v.currency): v.value for v in ib.accountValues("DU1")}
    assert values["NetLiquidation", "USD"] == "105000.00"
    assert values["NetLiquidationByCurrency", "BASE"] == "105000.00"
    assert values["TotalCashValue", "USD"] == "100000.00"
    assert values["CashBalance", "USD"] == "100000.00"
    assert values["TotalCashBalance", "BASE"] == "100000.00"
    assert values["StockMarketValue", "USD"] == "5000.00"
    assert values["InitMarginReq", "USD"] == "2500.00"
    assert values["AvailableFunds", "USD"] == "102500.00"
    assert values["SettledCash", "USD"] == "100000.00"
    assert values["AccountType", ""] == "INDIVIDUAL"
    assert next(v.value for v in ib.accountValues("DU2") if v.tag == "AccountType") == "CASH"


async def test_the_start_up_notices_come_in_the_real_order(gateway: SimulatedGateway) -> None:
    from ib_insync import IB

    ib = IB()
    errors = ErrorLog(ib)
    await ib.connectAsync("127.0.0.1", gateway.port, clientId=1)
    ib.disconnect()
    assert errors.codes == [2104, 2106, 2158]


async def test_of_more_than_fifty_accounts_nothing_is_told_together(scenario: Scenario, connect: Connect) -> None:
    accounts = tuple(AccountSetup.model_validate({"account": f"DU{n}", "cash": "1000"}) for n in range(100, 160))
    crowd = scenario.model_copy(update={"accounts": (*scenario.accounts, *accounts)})
    async with SimulatedGateway(crowd) as gateway:
        ib = await connect(gateway)
        assert len(ib.managedAccounts()) == 62
        assert not ib.positions()
        errors = ErrorLog(ib)
        for ask in (ib.reqPositionsAsync, ib.reqAccountSummaryAsync):
            ask()
            await until(lambda: errors.codes == [321])
            errors.codes.clear()
        assert not ib.accountValues(), "the client asks for no account's figures beyond fifty accounts"
        await ib.reqAccountUpdatesMultiAsync("DU120")
        assert {v.account for v in ib.accountValues()} == {"DU120"}


async def test_figures_and_positions_are_pushed_after_a_fill(gateway: SimulatedGateway, connect: Connect) -> None:
    ib = await connect(gateway)
    await filled(ib.placeOrder(stock("SPY"), market_order("BUY", 10)))

    def cash() -> str:
        return next(v.value for v in ib.accountValues("DU1") if v.tag == "TotalCashValue")

    await until(lambda: cash() == "93998.90")
    held = {p.contract.symbol: (p.position, p.avgCost) for p in ib.positions("DU1")}
    assert held["SPY"] == (10.0, pytest.approx(600.11))


async def test_a_position_sold_off_disappears(gateway: SimulatedGateway, connect: Connect) -> None:
    ib = await connect(gateway)
    await filled(ib.placeOrder(stock("QQQ"), market_order("SELL", 10)))
    await until(lambda: not ib.positions("DU1"))
    assert gateway.engine.accounts["DU1"].positions == {}


async def test_account_summary_answers_and_refuses_a_third(gateway: SimulatedGateway, connect: Connect) -> None:
    ib = await connect(gateway)
    errors = ErrorLog(ib)
    await ib.reqAccountSummaryAsync()
    summary = await ib.accountSummaryAsync()
    assert {(v.account, v.value) for v in summary if v.tag == "NetLiquidation"} == {
        ("DU1", "105000.00"),
        ("DU2", "17000.00"),
    }
    await ib.reqAccountSummaryAsync()
    await ib.reqAccountSummaryAsync()
    assert 322 in errors.codes


DOCUMENTED_TAGS = {
    *("AccountType", "NetLiquidation", "TotalCashValue", "SettledCash", "AccruedCash", "BuyingPower"),
    *("EquityWithLoanValue", "PreviousDayEquityWithLoanValue", "GrossPositionValue", "RegTEquity", "RegTMargin", "SMA"),
    *("InitMarginReq", "MaintMarginReq", "AvailableFunds", "ExcessLiquidity", "Cushion", "FullInitMarginReq"),
    *("FullMaintMarginReq", "FullAvailableFunds", "FullExcessLiquidity", "LookAheadNextChange"),
    *("LookAheadInitMarginReq", "LookAheadMaintMarginReq", "LookAheadAvailableFunds", "LookAheadExcessLiquidity"),
    *("HighestSeverity", "DayTradesRemaining", "Leverage"),
}
"""The account summary's tags (TWS API, "Account Summary")."""


async def test_every_documented_figure_of_the_summary_is_told(gateway: SimulatedGateway, connect: Connect) -> None:
    ib = await connect(gateway)
    summary = {v.tag: v.value for v in await ib.accountSummaryAsync("DU1")}
    assert DOCUMENTED_TAGS - set(summary) == set()
    # 100,000 in cash and 5,000 in shares, of which a quarter is the maintenance and a half the initial margin.
    assert (summary["Cushion"], summary["Leverage"]) == ("0.988095", "0.05")
    assert (summary["SMA"], summary["DayTradesRemaining"]) == ("102500.00", "-1")


async def test_an_account_that_is_worth_nothing_has_figures_too(scenario: Scenario, connect: Connect) -> None:
    empty = AccountSetup.model_validate({"account": "DU3", "cash": "0"})
    async with SimulatedGateway(scenario.model_copy(update={"accounts": (empty,)})) as gateway:
        ib = await connect(gateway)
        summary = {v.tag: v.value for v in await ib.accountSummaryAsync("DU3")}
        assert (summary["Cushion"], summary["Leverage"], summary["SMA"]) == ("0", "0", "0.00")


async def test_one_accounts_portfolio_comes_with_its_updates(gateway: SimulatedGateway, connect: Connect) -> None:
    ib = await connect(gateway)
    await ib.reqAccountUpdatesAsync("DU2")
    (item,) = ib.portfolio()
    assert (item.contract.symbol, item.position, item.marketPrice, item.marketValue) == ("SPY", 20.0, 600.0, 12000.0)
    assert item.account == "DU2"


async def test_figures_of_an_unknown_account_are_an_error(gateway: SimulatedGateway, connect: Connect) -> None:
    ib = await connect(gateway)
    errors = ErrorLog(ib)
    await ib.reqAccountUpdatesMultiAsync("DU99")
    assert errors.codes == [321]


async def test_the_time_is_told(gateway: SimulatedGateway, connect: Connect) -> None:
    ib = await connect(gateway)
    told = await ib.reqCurrentTimeAsync()
    assert abs((gateway.engine.clock.now() - told).total_seconds()) < 5


async def test_a_client_id_in_use_is_refused(gateway: SimulatedGateway, connect: Connect) -> None:
    from ib_insync import IB

    await connect(gateway, client_id=7)
    second = IB()
    errors = ErrorLog(second)
    with pytest.raises((asyncio.TimeoutError, ConnectionError)):
        await second.connectAsync("127.0.0.1", gateway.port, clientId=7, timeout=0.2)
    assert 326 in errors.codes
    assert [c.client_id for c in gateway.connections] == [7]


async def test_a_client_id_is_free_again_after_its_client_left(gateway: SimulatedGateway, connect: Connect) -> None:
    first = await connect(gateway, client_id=7)
    first.disconnect()
    await until(lambda: gateway.connections[0].closed is not None)
    second = await connect(gateway, client_id=7)
    assert second.isConnected()


async def test_every_request_is_logged_with_time_and_client(gateway: SimulatedGateway, connect: Connect) -> None:
    ib = await connect(gateway, client_id=5)
    await ib.reqContractDetailsAsync(stock("SPY"))
    last = gateway.requests[-1]
    assert (last.client_id, last.name, last.symbol) == (5, "reqContractDetails", "SPY")
    names = [each.name for each in gateway.requests]
    assert names[0] == "reqPositions"
    assert names.count("reqAccountUpdatesMulti") == 2
    assert "reqExecutions" in names


async def test_account_figures_lag_behind_the_fills_if_the_scenario_says_so(
    scenario: Scenario, connect: Connect
) -> None:
    latency = scenario.latency.model_copy(update={"account_values": 60.0})
    async with SimulatedGateway(scenario.model_copy(update={"latency": latency})) as gateway:
        ib = await connect(gateway)
        await filled(ib.placeOrder(stock("SPY"), market_order("BUY", 10)))
        await ib.reqAccountUpdatesMultiAsync("DU1")
        stale = next(v.value for v in ib.accountValues("DU1") if v.tag == "TotalCashValue")
        assert stale == "100000.00"
        assert {p.contract.symbol for p in ib.positions("DU1")} == {"QQQ", "SPY"}, "positions do not lag"


def test_an_address_others_can_reach_is_refused(scenario: Scenario) -> None:
    with pytest.raises(NotLoopbackError):
        SimulatedGateway(scenario, host="0.0.0.0")
    SimulatedGateway(scenario, host="0.0.0.0", allow_remote=True)
