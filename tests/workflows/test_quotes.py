"""Quotes through the whole application: a bad one stops the run before any trade, accounts share the good ones."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from activities.gateway import quote_feed
from rebalancing.outcomes import Phase
from rebalancing.settings import QuoteSettings, Settings
from rebalancing.triggers import ExecutionMode
from simulator.gateway.quoting import QuotingChange
from tests.house import TRADING, Holding, House, failure_of, house, phase_reached, quick_settings, status_reached


@pytest.fixture(autouse=True)
def quick_ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ticks that never come are waited for less long."""
    monkeypatch.setattr(quote_feed, "FIRST_TICKS", timedelta(seconds=0.3))


def spy_to_qqq(**more: Any) -> Holding:
    """An account that must sell SPY to buy QQQ and BND; ``more`` is its further configuration."""
    return Holding(cash="1000", holdings={"SPY": 60}, weights={"QQQ": "0.5", "BND": "0.5"}, more=more)


def with_patience(seconds: float) -> Settings:
    """Settings under which bad quotes are read again for so long."""
    return quick_settings().model_copy(update={"quotes": QuoteSettings(patience=seconds)})


def tell(own: House, symbol: str, **change: Any) -> None:
    """Have clients told something else of a symbol's prices."""
    own.gateway.engine.quotations.change(symbol, QuotingChange(**change))


def names(own: House) -> list[str]:
    """The requests the gateway got, in order."""
    return [request.name for request in own.gateway.requests]


@pytest.mark.parametrize(
    ("change", "error", "figures"),
    [
        ({"fault": "crossed"}, "QuoteCrossed", "bid of 600.02 is above the ask of 599.99"),
        ({"fault": "zero"}, "QuoteOneSided", "no bid and no ask"),
        ({"fault": "one_sided"}, "QuoteOneSided", "bid 599.99, ask none"),
        ({"fault": "closing"}, "QuoteOneSided", "no bid and no ask"),
        ({"fault": "absent"}, "QuoteMissing", "no price"),
        ({"fault": "silent"}, "QuoteMissing", "no price"),
        ({"fault": "stale"}, "QuoteStale", "s ago"),
        ({"fault": "halted"}, "QuoteHalted", "halted trading"),
        ({"last_close": Decimal(400)}, "QuoteTooFar", "+50.0 % from the last close of 400"),
        ({"market_data": "none"}, "QuoteMissing", "code 354"),
        ({"market_data": "competing"}, "QuoteMissing", "code 10197"),
    ],
    ids=lambda value: "" if isinstance(value, str) else "-".join(str(part) for pair in value.items() for part in pair),
)
async def test_a_bad_quote_stops_the_run_before_any_trade(change: dict[str, Any], error: str, figures: str) -> None:
    async with house({"DU1": spy_to_qqq()}, settings=with_patience(0)) as own:
        tell(own, "QQQ", **change)
        failure = await failure_of(await own.trigger("DU1"))
        assert failure.type == error
        assert "DU1" in failure.message
        assert "QQQ" in failure.message
        assert figures in failure.message
        assert "Nothing was traded" in failure.message
        assert set(names(own)) & set(TRADING) == set()


async def test_a_bad_quote_of_what_is_held_stops_it_too_but_not_of_what_is_held_out() -> None:
    async with house({"DU1": spy_to_qqq()}, settings=with_patience(0)) as own:
        tell(own, "SPY", fault="crossed")
        assert (await failure_of(await own.trigger("DU1"))).type == "QuoteCrossed"
    async with house({"DU1": spy_to_qqq(held_out=["SPY"])}, settings=with_patience(0)) as own:
        tell(own, "SPY", market_data="none")
        result = await (await own.trigger("DU1")).result()
        assert result.outcome is not None
        assert {order.symbol for order in own.accepted_orders("DU1")} <= {"QQQ", "BND"}


async def test_a_quote_that_becomes_good_in_time_is_traded_by() -> None:
    async with house({"DU1": spy_to_qqq()}, settings=with_patience(60)) as own:
        tell(own, "QQQ", fault="crossed")
        handle = await own.trigger("DU1")
        await status_reached(handle, lambda status: "QQQ" in status.detail)
        assert set(names(own)) & set(TRADING) == set()
        tell(own, "QQQ", fault=None)
        result = await handle.result()
        assert result.outcome is not None
        assert result.outcome.drift is not None
        assert result.outcome.drift < 2


async def test_an_account_is_rebalanced_although_no_price_has_moved_for_longer_than_a_quote_may_be_old() -> None:
    """As in steady use: its quotes are still streamed for another one, and nothing at all has happened since."""
    settings = quick_settings().model_copy(update={"quotes": QuoteSettings(patience=0, max_age=2)})
    async with house({"DU1": spy_to_qqq(), "DU2": spy_to_qqq()}, settings=settings) as own:
        await (await own.trigger("DU1")).result()
        streamed_at = datetime.now(UTC)
        while datetime.now(UTC) - streamed_at < timedelta(seconds=3):  # noqa: ASYNC110  # it is the time that must pass
            await asyncio.sleep(0.05)
        outcome = (await (await own.trigger("DU2")).result()).outcome
        assert outcome is not None
        assert outcome.drift is not None
        assert outcome.drift < 2


async def test_delayed_quotes_do_for_a_paper_account_and_the_plan_says_so() -> None:
    async with house({"DU1": spy_to_qqq()}, settings=with_patience(0), market_data="delayed") as own:
        result = await (await own.trigger("DU1")).result()
        assert result.outcome is not None
        assert any("delayed by up to 20 minutes: BND, QQQ, SPY" in note for note in result.outcome.notes)


async def test_where_live_quotes_are_needed_delayed_ones_stop_the_run_without_waiting() -> None:
    async with house({"DU1": spy_to_qqq(quotes_needed="live")}, settings=with_patience(3000)) as own:
        tell(own, "QQQ", market_data="delayed")
        failure = await failure_of(await own.trigger("DU1"))
        assert failure.type == "QuoteNotLive"
        assert "quotes_needed" in failure.message
        assert set(names(own)) & set(TRADING) == set()


async def test_closing_prices_do_where_the_account_allows_them() -> None:
    async with house({"DU1": spy_to_qqq(quotes_needed="close")}, settings=with_patience(0)) as own:
        tell(own, "QQQ", fault="closing")
        result = await (await own.trigger("DU1")).result()
        assert result.outcome is not None
        assert any("last trade or the last close: QQQ" in note for note in result.outcome.notes)
        assert own.accepted_orders("DU1")


async def test_a_dry_run_says_what_would_stop_one_that_trades() -> None:
    async with house({"DU1": spy_to_qqq()}, settings=with_patience(0)) as own:
        tell(own, "QQQ", fault="crossed")
        result = await (await own.trigger("DU1", mode=ExecutionMode.DRY_RUN)).result()
        assert result.outcome is not None
        assert any("would stop: QQQ: the bid of 600.02" in note for note in result.outcome.notes)


async def test_a_quote_that_goes_bad_between_the_legs_stops_the_buys() -> None:
    async with house({"DU1": spy_to_qqq()}, settings=with_patience(0), latency={"fill": (0.5, 0.5)}) as own:
        handle = await own.trigger("DU1")
        await phase_reached(handle, Phase.SELLING)
        tell(own, "QQQ", fault="crossed")
        failure = await failure_of(handle)
        assert failure.type == "QuoteCrossed"
        assert "Traded before: SELL" in failure.message
        assert {order.action for order in own.accepted_orders("DU1")} == {"SELL"}


async def test_accounts_with_the_same_symbols_ask_for_each_quote_and_contract_once() -> None:
    accounts = {f"DU{n}": Holding(cash="1000", holdings={"SPY": 50 + n}) for n in range(1, 7)}
    async with house(accounts) as own:
        handles = await asyncio.gather(*(own.trigger(account) for account in accounts))
        await asyncio.gather(*(handle.result() for handle in handles))
        for name in ("reqMktData", "reqContractDetails"):
            asked = [request.symbol for request in own.gateway.requests if request.name == name]
            assert sorted(asked) == ["BND", "GLD", "QQQ", "SPY"]


async def test_a_rebalance_of_known_symbols_costs_few_messages_beside_its_orders() -> None:
    accounts = {"DU1": spy_to_qqq(), "DU2": spy_to_qqq()}
    async with house(accounts) as own:
        await (await own.trigger("DU1")).result()
        before = len(own.gateway.requests)
        await (await own.trigger("DU2")).result()
        sent = names(own)[before:]
        reading = [name for name in sent if name not in ("placeOrder", "whatIfOrder")]
        assert len(reading) <= 3, sent
