"""What is known of an account over a real socket, and what must be asked for to know it."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from activities.gateway.quote_feed import QuoteFeed
from activities.gateway.reading import AccountReader
from activities.gateway.session import GatewayAddress, GatewaySession
from contract.requests import SnapshotRequest
from rebalancing.errors import FiguresUnreadable
from rebalancing.funding.account_kind import AccountKind
from rebalancing.market.snapshot import AccountSnapshot
from rebalancing.settings import QuoteSettings
from simulator.gateway.faults import FaultMatch, FaultRule
from simulator.gateway.scenario import ToldFigure
from simulator.gateway.server import SimulatedGateway
from tests.house import Holding, scenario

PLAIN = Holding(cash="1000", holdings={"SPY": 10})
OPTION = {"symbol": "SPY", "sec_type": "OPT", "quantity": "-1", "value": "-500"}
EURO = {"base_currency": "EUR", "other_cash": {"EUR": "300"}}


class Desk:
    """A gateway and one session at it."""

    def __init__(self, gateway: SimulatedGateway, session: GatewaySession) -> None:
        self.gateway = gateway
        self.session = session
        self.reader = AccountReader(session, QuoteFeed(session, QuoteSettings()))

    async def read(self, account: str = "DU1", held_out: frozenset[str] = frozenset()) -> AccountSnapshot:
        """Read an account."""
        return await self.reader.snapshot(SnapshotRequest(account=account, symbols=("SPY",), held_out=held_out))

    @property
    def asked(self) -> list[str]:
        """The accounts whose own values were asked for."""
        return [each.account for each in self.gateway.requests if each.name == "reqAccountUpdatesMulti"]

    def tell(self, account: str, tag: str, value: str | None, currency: str = "USD") -> None:
        """Have clients told another figure."""
        self.gateway.engine.bulletin.tell(account, (ToldFigure(tag=tag, currency=currency, value=value),))


@asynccontextmanager
async def desk(accounts: Mapping[str, Holding], **more: Any) -> AsyncGenerator[Desk]:
    """Start the gateway and connect."""
    async with SimulatedGateway(scenario(accounts, **more)) as gateway:
        session = GatewaySession(GatewayAddress("127.0.0.1", gateway.port, 7), 5, timedelta(seconds=180))
        await session.open()
        try:
            yield Desk(gateway, session)
        finally:
            session.close()


async def test_accounts_of_dollars_and_us_stocks_are_told_by_the_summary_alone() -> None:
    async with desk({"DU1": PLAIN, "DU2": Holding(cash="50")}) as own:
        snapshot = await own.read()
        assert (snapshot.cash, snapshot.net_liquidation) == (1000, 7700)
        assert (await own.read("DU2")).cash == 50, "and not what all accounts have together"
        assert own.asked == []


@pytest.mark.parametrize(
    ("account", "held_out"),
    [
        (Holding(cash="1000", holdings={"SPY": 10}, books={"others": (OPTION,)}), frozenset[str]()),
        (Holding(cash="1000", holdings={"SPY": 10, "GLD": 1}), frozenset({"GLD"})),
    ],
    ids=["an option", "held out"],
)
async def test_an_account_that_holds_something_else_is_asked_for_once(
    account: Holding, held_out: frozenset[str]
) -> None:
    async with desk({"DU1": account, "DU2": PLAIN}) as own:
        assert (await own.read(held_out=held_out)).figures.stocks is not None
        await own.read("DU2")
        await own.read(held_out=held_out)
        assert own.asked == ["DU1"]


async def test_where_one_account_has_euros_each_is_asked_for_its_own_cash() -> None:
    async with desk({"DU1": PLAIN, "DU2": Holding(cash="50", books=EURO)}) as own:
        assert (await own.read()).cash == 1000
        euro = await own.read("DU2")
        assert (euro.cash, euro.net_liquidation, euro.figures.others) == (50, 374, 324)
        assert sorted(own.asked) == ["DU1", "DU2"]


async def test_an_account_alone_at_its_login_is_told_by_the_summary_whatever_it_has() -> None:
    async with desk({"DU1": Holding(cash="50", books={**EURO, "others": (OPTION,)})}, ledger_prefix=True) as own:
        snapshot = await own.read()
        assert (snapshot.cash, snapshot.net_liquidation, snapshot.figures.others) == (50, -126, -176)
        assert own.asked == []


async def test_the_kind_of_an_account_is_told_in_whatever_currency() -> None:
    kinds = {"DU1": Holding(books=EURO), "DU2": Holding(books={**EURO, "kind": "cash"})}
    async with desk(kinds) as own:
        assert (await own.read()).kind is AccountKind.MARGIN
        assert (await own.read("DU2")).kind is AccountKind.CASH


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1,000.00", "none", "1e19", "-1e299"])
async def test_a_figure_that_is_no_number_is_an_error_and_no_zero(value: str) -> None:
    async with desk({"DU1": PLAIN}) as own:
        own.tell("DU1", "CashBalance", value)
        with pytest.raises(FiguresUnreadable, match="CashBalance"):
            await own.read()


@pytest.mark.parametrize("value", ["1.7976931348623157E308", ""])
async def test_an_unset_figure_is_one_that_is_not_told(value: str) -> None:
    async with desk({"DU1": PLAIN}) as own:
        own.tell("DU1", "NetLiquidation", value)
        snapshot = await own.read()
        assert snapshot.net_liquidation is None
        assert "NetLiquidation" in snapshot.figures.untold


@pytest.mark.parametrize("rate", ["0", "-1.08", "1e-17", "1e17"])
async def test_a_rate_that_is_none_is_not_converted_by(rate: str) -> None:
    async with desk({"DU1": Holding(cash="50", books=EURO)}) as own:
        own.tell("DU1", "ExchangeRate", rate)
        assert "exchange rate for USD" in (await own.read()).figures.untold


async def test_values_that_were_refused_are_asked_for_again() -> None:
    async with desk({"DU1": Holding(cash="50", books=EURO), "DU2": PLAIN}) as own:
        refused = FaultMatch(request="reqAccountUpdatesMulti", account="DU1")
        own.gateway.add_fault(FaultRule(action="reject", match=refused, code=321))
        assert (await own.read()).figures.untold
        assert (await own.read()).cash == Decimal(50)


async def test_the_clocks_are_compared_when_connecting_and_whenever_the_connection_is_checked() -> None:
    async with desk({"DU1": PLAIN}) as own:
        await own.session.check()
        assert [each.name for each in own.gateway.requests].count("reqCurrentTime") == 2
        assert (await own.read()).clock_ahead == 0
