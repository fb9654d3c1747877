"""Accounts in other base currencies and with more than US stocks, as the unmodified client library is told of them."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from decimal import Decimal

import httpx
import pytest
from ib_insync import IB

from simulator.gateway.scenario import Scenario, ScenarioError, parse_scenario
from simulator.gateway.server import SimulatedGateway
from tests.simulator.gateway.gateway_client import Connect, stock, until

MARKET = """
hours: always_open
exchange_rates: {EUR: "1.25", GBP: "2"}
accounts:
  - {account: DU1, cash: "1000.00", holdings: {SPY: 10}, base_currency: EUR, other_cash: {EUR: "400.00"}}
  - {account: DU2, cash: "0", base_currency: GBP, other_cash: {GBP: "500.00"}}
  - account: DU3
    cash: "100.00"
    holdings: {SPY: 1}
    fractions: {SPY: "0.5"}
    others:
      - {symbol: SPY, sec_type: OPT, quantity: "-2", value: "-300.00"}
      - {symbol: SAP, sec_type: STK, quantity: "7", value: "80.00", currency: EUR}
      - {symbol: ES, sec_type: FUT, quantity: "1", value: "25.00"}
instruments: [{symbol: SPY, price: "100.00", spread: "0.02"}]
"""


@asynccontextmanager
async def running(text: str = MARKET) -> AsyncGenerator[SimulatedGateway]:
    """That market, with its control port open."""
    async with SimulatedGateway(parse_scenario(text), control_port=0) as gateway:
        yield gateway


async def told(connect: Connect, gateway: SimulatedGateway, account: str) -> dict[tuple[str, str], str]:
    """One account's figures by tag and currency."""
    ib = await connect(gateway)
    return {(value.tag, value.currency): value.value for value in ib.accountValues(account)}


async def test_figures_of_the_whole_account_come_in_its_base_currency_with_the_rates_to_convert_them(
    connect: Connect,
) -> None:
    async with running() as gateway:
        values = await told(connect, gateway, "DU1")
    assert values["NetLiquidation", "EUR"] == "2000.00"
    assert values["TotalCashValue", "EUR"] == "1200.00"
    assert ("NetLiquidation", "USD") not in values
    assert values["ExchangeRate", "EUR"] == values["ExchangeRate", "BASE"] == "1.00"
    assert values["ExchangeRate", "USD"] == "0.8000000"
    assert (values["CashBalance", "USD"], values["CashBalance", "EUR"]) == ("1000.00", "400.00")
    assert (values["StockMarketValue", "USD"], values["StockMarketValue", "EUR"]) == ("1000.00", "0.00")
    assert values["NetLiquidationByCurrency", "USD"] == "2000.00"
    assert values["NetLiquidationByCurrency", "BASE"] == "2000.00"


async def test_a_currency_that_an_account_never_had_has_no_rows(connect: Connect) -> None:
    async with running() as gateway:
        values = await told(connect, gateway, "DU2")
    assert {currency for _, currency in values} == {"", "BASE", "GBP"}
    assert values["NetLiquidation", "GBP"] == "500.00"


async def test_what_is_no_us_stock_is_told_with_its_kind_and_its_value(connect: Connect) -> None:
    async with running() as gateway:
        ib = await connect(gateway)
        held = {(p.contract.symbol, p.contract.secType, p.contract.currency): p.position for p in ib.positions("DU3")}
        values = {(value.tag, value.currency): value.value for value in ib.accountValues("DU3")}
    assert held == {
        ("SPY", "STK", "USD"): 1.5,
        ("SPY", "OPT", "USD"): -2.0,
        ("SAP", "STK", "EUR"): 7.0,
        ("ES", "FUT", "USD"): 1.0,
    }
    assert (values["StockMarketValue", "USD"], values["StockMarketValue", "EUR"]) == ("150.00", "80.00")
    assert (values["OptionMarketValue", "USD"], values["FuturesPNL", "USD"]) == ("-300.00", "25.00")
    assert (values["CashBalance", "USD"], values["NetLiquidationByCurrency", "USD"]) == ("125.00", "-25.00")
    assert values["NetLiquidation", "USD"] == "75.00"


async def test_the_summary_adds_up_what_the_accounts_of_the_login_have_in_each_currency(connect: Connect) -> None:
    async with running() as gateway:
        ib = await connect(gateway)
        rows = {(row.account, row.tag, row.currency): row.value for row in await ib.accountSummaryAsync()}
    assert rows["DU1", "NetLiquidation", "EUR"] == "2000.00"
    assert rows["All", "CashBalance", "USD"] == "1125.00"
    assert rows["All", "CashBalance", "EUR"] == "400.00"
    assert rows["All", "ExchangeRate", "EUR"]
    assert not [row for row in rows if row[0] != "All" and row[1] in ("CashBalance", "ExchangeRate")]


async def test_the_sums_follow_what_changes_in_one_account(connect: Connect) -> None:
    async with running() as gateway:
        ib = await connect(gateway)
        await ib.accountSummaryAsync()
        gateway.engine.move_price("SPY", Decimal(200))

        def stocks() -> str:
            return ib.wrapper.acctSummary["All", "StockMarketValue", "USD"].value

        await until(lambda: stocks() == "2300.00")


@pytest.mark.parametrize("way", ["updates", "multi", "summary"])
async def test_tags_of_figures_by_currency_carry_the_prefix_where_the_gateway_is_set_so(
    connect: Connect, way: str
) -> None:
    async with running(MARKET + "ledger_prefix: true\n") as gateway:
        ib = await connect(gateway)
        if way == "updates":
            ib.wrapper.accountValues.clear()
            await ib.reqAccountUpdatesAsync("DU1")
        rows = await ib.accountSummaryAsync() if way == "summary" else ib.accountValues()
    tags = {row.tag for row in rows}
    assert {"NetLiquidation", "$LEDGER-CashBalance", "$LEDGER-ExchangeRate"} <= tags
    assert not {"CashBalance", "ExchangeRate", "$LEDGER-NetLiquidation"} & tags


async def test_the_control_port_has_clients_told_wrong_figures_and_the_true_ones_again(connect: Connect) -> None:
    async with running() as gateway, httpx.AsyncClient(base_url=f"http://127.0.0.1:{gateway.control_port}") as http:
        ib = await connect(gateway)

        def cash() -> str:
            return next(v.value for v in ib.accountValues("DU1") if (v.tag, v.currency) == ("CashBalance", "USD"))

        answer = await http.post("/figures", json={"DU1": [{"tag": "CashBalance", "value": "1e15"}]})
        assert answer.status_code == 200
        await until(lambda: cash() == "1e15")
        await http.post("/figures", json={"DU1": []})
        await until(lambda: cash() == "1000.00")


@pytest.mark.parametrize("body", [[], {"DU9": []}, {"DU1": [{"tag": "CashBalance"}]}, {"DU1": {}}])
async def test_figures_that_make_no_sense_are_refused(body: object) -> None:
    async with running() as gateway, httpx.AsyncClient(base_url=f"http://127.0.0.1:{gateway.control_port}") as http:
        answer = await http.post("/figures", json=body)
        assert answer.status_code == 400
        assert answer.json()["errors"]


@pytest.mark.parametrize(
    ("account", "message"),
    [
        ('{account: DU1, cash: "1", base_currency: CHF}', "CHF, not among the exchange_rates"),
        ('{account: DU1, cash: "1", other_cash: {USD: "1"}}', "cash in USD is its cash"),
        ('{account: DU1, cash: "1", fractions: {GLD: "0.5"}}', "GLD, not among the instruments"),
        ('{account: DU1, cash: "1", others: [{symbol: X, sec_type: OPT, quantity: "0", value: "1"}]}', "nothing"),
    ],
)
def test_accounts_that_make_no_sense_are_refused(account: str, message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        parse_scenario(f'accounts: [{account}]\ninstruments: [{{symbol: SPY, price: "1"}}]')


def market(**changes: object) -> Scenario:
    """That market, with some of its settings changed."""
    return Scenario.model_validate({**parse_scenario(MARKET).model_dump(), **changes})


async def test_prices_breathe_within_their_spread_and_are_told(connect: Connect) -> None:
    async with SimulatedGateway(market(breathing=0.01)) as gateway:
        ib: IB = await connect(gateway)
        ticker = ib.reqMktData(stock("SPY"))
        seen: set[float] = set()

        def all_seen() -> bool:
            seen.add(ticker.bid)
            return {99.98, 99.99, 100.0} <= seen

        await until(all_seen)
        assert {bid for bid in seen if bid == bid} == {99.98, 99.99, 100.0}


def test_the_same_seed_breathes_the_same_way() -> None:
    def walk(seed: int) -> list[Decimal]:
        engine = SimulatedGateway(market(seed=seed)).engine
        prices: list[Decimal] = []
        for _ in range(50):
            engine.breathe()
            prices.append(engine.market.price("SPY"))
        return prices

    assert walk(1) == walk(1) != walk(2)
    assert {abs(price - 100) <= Decimal("0.01") for price in walk(1)} == {True}
