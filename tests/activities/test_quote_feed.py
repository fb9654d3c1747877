"""Quotes over a real socket: asked for once, shared by accounts, given back after their time to live."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from activities.gateway import quote_feed
from activities.gateway.quote_feed import QuoteFeed
from activities.gateway.reading import MOST_SYMBOLS_A_VISIT, AccountReader
from activities.gateway.session import GatewayAddress, GatewaySession
from contract.requests import SnapshotRequest
from rebalancing.errors import GatewayTimeout, GatewayUnavailable, SymbolUnknown
from rebalancing.market.snapshot import AccountSnapshot, Quote, QuoteKind
from rebalancing.settings import QuoteSettings
from simulator.gateway.faults import FaultMatch, FaultRule
from simulator.gateway.quoting import QuotingChange
from simulator.gateway.server import SimulatedGateway
from testbed.waiting import until
from tests.house import Holding, scenario


class Desk:
    """A gateway with two accounts, and one session at it."""

    def __init__(self, gateway: SimulatedGateway, session: GatewaySession, settings: QuoteSettings) -> None:
        self.gateway = gateway
        self.session = session
        self.reader = AccountReader(session, QuoteFeed(session, settings))

    async def read(
        self, account: str = "DU1", *symbols: str, held_out: frozenset[str] = frozenset(), known: tuple[str, ...] = ()
    ) -> AccountSnapshot:
        """Read an account with these symbols."""
        wanted = symbols or ("QQQ", "SPY")
        request = SnapshotRequest(account=account, symbols=wanted, held_out=held_out, known=known)
        return await self.reader.snapshot(request)

    @asynccontextmanager
    async def another_session(self) -> AsyncGenerator["Desk"]:
        """The same gateway over the next connection; the last one must be closed."""
        async with _session(self.gateway, 5) as session:
            yield Desk(self.gateway, session, QuoteSettings())

    def asked(self, name: str = "reqMktData") -> list[str]:
        """The symbols of the requests of this name."""
        return [request.symbol for request in self.gateway.requests if request.name == name]

    def quote(self, symbol: str, **change: Any) -> None:
        """Tell clients something else of a symbol."""
        self.gateway.engine.quotations.change(symbol, QuotingChange(**change))


@asynccontextmanager
async def desk(
    *, time_to_live: float = 60, max_age: float = 300, request_timeout: float = 5, **more: Any
) -> AsyncGenerator[Desk]:
    """Start the gateway and connect."""
    settings = QuoteSettings(time_to_live=time_to_live, max_age=max_age)
    accounts = {"DU1": Holding(holdings={"GLD": 5}), "DU2": Holding()}
    async with (
        SimulatedGateway(scenario(accounts, **more)) as gateway,
        _session(gateway, request_timeout) as session,
    ):
        yield Desk(gateway, session, settings)


@asynccontextmanager
async def _session(gateway: SimulatedGateway, request_timeout: float) -> AsyncGenerator[GatewaySession]:
    session = GatewaySession(GatewayAddress("127.0.0.1", gateway.port, 7), request_timeout, timedelta(seconds=1))
    await session.open()
    try:
        yield session
    finally:
        session.close()


async def test_two_accounts_within_the_time_to_live_cause_one_request_for_each_symbol() -> None:
    async with desk() as own:
        await own.read("DU1")
        await own.read("DU2")
        assert sorted(own.asked()) == ["GLD", "QQQ", "SPY"]
        assert sorted(own.asked("reqContractDetails")) == ["GLD", "QQQ", "SPY"]
        assert len(own.asked("reqMarketDataType")) == 1


async def test_the_second_account_sees_the_price_as_it_is_then() -> None:
    async with desk() as own:
        assert (await own.read("DU1")).prices["SPY"] == Decimal(670)
        own.gateway.engine.move_price("SPY", Decimal(680))
        while (await own.read("DU2")).prices["SPY"] != Decimal(680):  # noqa: ASYNC110  # the gateway's own pace
            await asyncio.sleep(0)
        assert own.asked().count("SPY") == 1


async def test_all_symbols_are_asked_for_before_any_answer_is_awaited() -> None:
    async with desk(latency={"request": 0.05}) as own:
        await own.read()
        numbers = [n for n, request in enumerate(own.gateway.requests) if request.name == "reqMktData"]
        assert numbers == list(range(numbers[0], numbers[0] + 3))


async def test_streams_end_when_nobody_used_them_for_their_time_to_live() -> None:
    async with desk(time_to_live=0) as own:
        await own.read()
        await until(lambda: len(own.asked("cancelMktData")) >= 3)
        await own.read()
        assert own.asked().count("SPY") == 2


async def test_what_ended_is_not_kept_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quote_feed, "LATE_TICKS", timedelta(0))
    async with desk(time_to_live=0) as own:
        for count in range(1, 4):
            await own.read()
            await until(lambda count=count: len(own.asked("cancelMktData")) >= 3 * count)
        wrapper = own.session.ib.wrapper
        assert len(wrapper.tickers) == 0
        assert len(wrapper.reqId2Ticker) <= 1


async def test_no_more_lines_are_used_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quote_feed, "LINES", 2)
    async with desk() as own:
        snapshot = await own.read("DU1", "QQQ", "SPY", "BND", "EDC")
        assert set(snapshot.prices) == {"QQQ", "SPY", "BND", "EDC", "GLD"}
        assert len(own.asked()) - len(own.asked("cancelMktData")) <= 2


async def test_what_is_held_out_is_not_asked_for() -> None:
    async with desk() as own:
        snapshot = await own.read("DU1", "SPY", held_out=frozenset({"GLD"}))
        assert own.asked() == ["SPY"]
        assert snapshot.positions == {"GLD": 5}


async def test_live_delayed_and_closing_quotes_are_told_apart() -> None:
    async with desk() as own:
        own.quote("QQQ", market_data="delayed")
        own.quote("BND", fault="closing", last_close=Decimal(74))
        snapshot = await own.read("DU1", "SPY", "QQQ", "BND")
        assert snapshot.quote_kinds == {
            "SPY": QuoteKind.LIVE,
            "GLD": QuoteKind.LIVE,
            "QQQ": QuoteKind.DELAYED,
            "BND": QuoteKind.CLOSE,
        }
        assert snapshot.quotes["BND"].close == 74
        assert snapshot.prices["QQQ"] == 600


@pytest.mark.parametrize(("mode", "code"), [("none", "354"), ("competing", "10197")])
async def test_a_refused_quote_says_why_and_is_asked_for_again_the_next_time(mode: str, code: str) -> None:
    async with desk() as own:
        own.quote("SPY", market_data=mode)
        refused = (await own.read()).quotes["SPY"]
        assert refused.price is None
        assert f"code {code}" in refused.problem
        own.quote("SPY", market_data=None)
        assert (await own.read()).prices["SPY"] == 670


async def test_quotes_that_are_withdrawn_are_not_used_any_more() -> None:
    async with desk() as own:
        await own.read()
        own.quote("SPY", market_data="competing")
        while not (withdrawn := (await own.read()).quotes["SPY"]).problem:  # noqa: ASYNC110  # the gateway's own pace
            await asyncio.sleep(0)
        assert withdrawn.price is None


@pytest.mark.parametrize("fault", ["absent", "silent"])
async def test_a_symbol_without_prices_has_none_instead_of_nan(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quote_feed, "FIRST_TICKS", timedelta(milliseconds=50))
    async with desk() as own:
        own.quote("SPY", fault=fault)
        quote = (await own.read()).quotes["SPY"]
        assert (quote.price, quote.bid, quote.ask, quote.last, quote.close) == (None, None, None, None, None)


async def test_the_age_of_a_quote_is_that_of_its_last_trade_until_something_new_comes() -> None:
    async with desk() as own:
        own.quote("SPY", fault="stale")
        began_at = datetime.now(UTC)
        old = (await own.read()).quotes["SPY"].at
        assert began_at - old > timedelta(minutes=59)
        own.gateway.engine.move_price("SPY", Decimal(671))
        while (await own.read()).quotes["SPY"].at < began_at:  # noqa: ASYNC110  # the gateway's own pace
            await asyncio.sleep(0)


QUIET = timedelta(seconds=0.3)
"""How long a symbol may be quiet in the tests that follow."""


async def until_quiet(own: Desk) -> Quote:
    """Have a price of SPY change, and then nothing happen for longer than a quote may be old; the quote by then."""
    await own.read()
    own.gateway.engine.move_price("SPY", Decimal(671))
    while (quote := (await own.read()).quotes["SPY"]).price != 671:  # noqa: ASYNC110  # the gateway's own pace
        await asyncio.sleep(0)
    while datetime.now(UTC) - quote.at <= QUIET:  # noqa: ASYNC110  # it is the time that must pass
        await asyncio.sleep(0.01)
    return quote


async def test_no_caller_has_one_visit_read_more_contracts_than_a_visit_may() -> None:
    async with desk() as own:
        with pytest.raises(SymbolUnknown):
            await own.reader.read_contracts([f"NO{number}" for number in range(3 * MOST_SYMBOLS_A_VISIT)])
        asked = [request for request in own.gateway.requests if request.name == "reqContractDetails"]
        assert len(asked) == MOST_SYMBOLS_A_VISIT


async def test_a_stream_that_fell_silent_is_asked_for_anew_once_before_its_quote_counts_as_old() -> None:
    async with desk(max_age=QUIET.total_seconds()) as own:
        quiet = await until_quiet(own)
        asked_at = datetime.now(UTC)
        assert not own.reader.is_pushed(SnapshotRequest(account="DU1", symbols=("SPY",))), (
            "it must be asked for in the slot"
        )
        again = (await own.read()).quotes["SPY"]
        assert (again.bid, again.ask) == (quiet.bid, quiet.ask)
        assert again.at >= asked_at
        await own.read()
        assert own.asked().count("SPY") == 2


async def test_a_quote_that_still_stands_is_as_new_as_the_answer_whenever_the_last_trade_was() -> None:
    instruments = {"SPY": {"quote_fault": "stale"}}  # its last trade is told to have been an hour ago
    async with desk(max_age=QUIET.total_seconds(), instruments=instruments) as own:
        await until_quiet(own)
        asked_at = datetime.now(UTC)
        assert (await own.read()).quotes["SPY"].at >= asked_at


async def test_a_market_that_was_never_heard_of_but_for_a_trade_of_long_ago_stays_old() -> None:
    async with desk(max_age=QUIET.total_seconds(), instruments={"SPY": {"quote_fault": "stale"}}) as own:
        began_at = datetime.now(UTC)
        await own.read()
        await own.read()
        assert own.asked().count("SPY") == 1, "what is asked for now is not asked for again"
        while datetime.now(UTC) - began_at <= 2 * QUIET:  # noqa: ASYNC110  # it is the time that must pass
            await asyncio.sleep(0.01)

        async def is_asked_for_anew() -> bool:
            assert began_at - (await own.read()).quotes["SPY"].at > timedelta(minutes=59)
            return own.asked().count("SPY") == 2

        await until(is_asked_for_anew)


async def test_a_request_that_is_never_answered_ends_with_a_message_that_names_the_symbol() -> None:
    async with desk(request_timeout=0.2) as own:
        own.gateway.add_fault(FaultRule(action="stall", match=FaultMatch(request="reqMktData", symbol="SPY")))
        with pytest.raises(GatewayTimeout, match="SPY"):
            await own.read()
        assert (await own.read()).prices["SPY"] == 670


async def test_a_connection_that_is_lost_meanwhile_is_told_at_once() -> None:
    async with desk() as own:
        own.gateway.add_fault(FaultRule(action="close_before", match=FaultMatch(request="reqMktData", symbol="SPY")))
        with pytest.raises(GatewayUnavailable):
            await own.read()
