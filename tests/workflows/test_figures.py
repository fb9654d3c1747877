"""Figures nobody should believe stop a run before any trade; accounts of every kind are still traded by true ones."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from rebalancing.outcomes import Outcome, Phase
from rebalancing.settings import Settings
from rebalancing.triggers import ExecutionMode
from simulator.gateway.clock import OffsetClock
from simulator.gateway.quoting import QuotingChange
from simulator.gateway.scenario import ToldFigure
from tests.house import TRADING, Holding, House, failure_of, house, phase_reached, quick_settings, status_reached

QQQ_AND_BND = {"QQQ": "0.5", "BND": "0.5"}


def with_settings(**more: Any) -> Settings:
    """Settings under which figures are not waited for, unless ``more`` says so."""
    at_once = {"figures_lag": 0, "quotes": {"patience": 0}}
    return Settings.model_validate({**quick_settings().model_dump(), **at_once, **more})


def spy_to_qqq(**more: Any) -> Holding:
    """An account that must sell SPY to buy QQQ and BND; ``more`` is what else it is."""
    return Holding(cash="1000", holdings={"SPY": 60, "BND": 20}, weights=QQQ_AND_BND, **more)


def tell(own: House, account: str, **told: str | None) -> None:
    """Have clients told other figures of an account, in US dollars: the last part of a name may be a currency."""
    figures = tuple(
        ToldFigure(tag=tag.partition("__")[0], currency=tag.partition("__")[2] or "USD", value=value)
        for tag, value in told.items()
    )
    own.gateway.engine.bulletin.tell(account, figures)


def quote(own: House, symbol: str, **change: Any) -> None:
    """Have clients told something else of a symbol's prices."""
    own.gateway.engine.quotations.change(symbol, QuotingChange(**change))


def traded(own: House) -> set[str]:
    """The requests that changed anything at the gateway."""
    return {request.name for request in own.gateway.requests} & set(TRADING)


async def outcome_of(own: House, account: str, mode: ExecutionMode = ExecutionMode.REBALANCE) -> Outcome:
    """What a run came to."""
    outcome = (await (await own.trigger(account, mode=mode)).result()).outcome
    assert outcome is not None
    return outcome


# --- figures nobody believes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("alone", [True, False], ids=["one account", "two accounts"])
@pytest.mark.parametrize(
    ("told", "figure"),
    [
        ({"CashBalance": "1e15", "TotalCashValue": "1e15"}, "1,000,000,000,000,000.00"),
        ({"CashBalance": "-5000", "TotalCashValue": "-5000"}, "-5,000.00"),
        ({"NetLiquidation": "60000"}, "60,000.00"),
        ({"NetLiquidation": "0.00"}, "0.00"),
    ],
    ids=["endless cash", "less cash", "worth more", "worth nothing"],
)
async def test_an_account_that_does_not_come_to_what_the_broker_says_is_not_traded(
    told: dict[str, str], figure: str, alone: bool
) -> None:
    accounts = {"DU1": spy_to_qqq()} if alone else {"DU1": spy_to_qqq(), "DU2": Holding()}
    async with house(accounts, settings=with_settings()) as own:
        tell(own, "DU1", **told)
        failure = await failure_of(await own.trigger("DU1"))
        assert failure.type == "FiguresDisagree"
        assert "DU1" in failure.message
        assert figure in failure.message
        assert "Nothing was traded" in failure.message
        assert traded(own) == set()


async def test_a_price_of_what_is_held_that_the_broker_does_not_value_it_by_stops_the_run() -> None:
    async with house({"DU1": spy_to_qqq()}, settings=with_settings()) as own:
        quote(own, "BND", fault="tiny")
        failure = await failure_of(await own.trigger("DU1"))
        assert failure.type == "FiguresDisagree"
        assert traded(own) == set()


async def test_a_price_below_the_smallest_there_can_be_stops_the_run_where_nothing_is_held_of_it() -> None:
    async with house({"DU1": spy_to_qqq()}, settings=with_settings()) as own:
        quote(own, "QQQ", fault="tiny")
        failure = await failure_of(await own.trigger("DU1"))
        assert failure.type == "FiguresDisagree"
        assert "QQQ" in failure.message
        assert traded(own) == set()


async def test_a_dry_run_says_what_would_stop_one_that_trades() -> None:
    async with house({"DU1": spy_to_qqq()}, settings=with_settings()) as own:
        tell(own, "DU1", CashBalance="1e15")
        notes = (await outcome_of(own, "DU1", ExecutionMode.DRY_RUN)).notes
        assert any("would stop: cash of 1,000,000,000,000,000.00 USD" in note for note in notes)


async def test_how_much_may_be_off_is_a_setting() -> None:
    async with house({"DU1": spy_to_qqq()}, settings=with_settings(figures={"tolerance_percent": 60})) as own:
        tell(own, "DU1", NetLiquidation="60000")
        assert (await outcome_of(own, "DU1")).orders


async def test_figures_that_come_to_agree_in_time_are_traded_by() -> None:
    async with house({"DU1": spy_to_qqq()}, settings=with_settings(figures_lag=3600)) as own:
        tell(own, "DU1", NetLiquidation="0.00")
        handle = await own.trigger("DU1")
        await status_reached(handle, lambda status: "until the broker's figures agree" in status.detail)
        assert traded(own) == set()
        tell(own, "DU1")
        assert (await handle.result()).outcome is not None
        assert own.accepted_orders("DU1")


async def test_figures_that_go_wrong_between_the_legs_stop_the_buys() -> None:
    async with house({"DU1": spy_to_qqq()}, settings=with_settings(), latency={"fill": (0.5, 0.5)}) as own:
        handle = await own.trigger("DU1")
        await phase_reached(handle, Phase.SELLING)
        quote(own, "BND", fault="tiny")
        failure = await failure_of(handle)
        assert failure.type == "FiguresDisagree"
        assert "Traded before: SELL" in failure.message
        assert {order.action for order in own.accepted_orders("DU1")} == {"SELL"}


async def test_what_the_broker_says_may_lag_behind_the_fills_as_long_as_it_likes() -> None:
    latency = {"fill": (0.01, 0.02), "account_values": 3600}
    settings = with_settings(figures_lag=3600)
    async with house({"DU1": spy_to_qqq(), "DU2": Holding()}, settings=settings, latency=latency) as own:
        outcome = await outcome_of(own, "DU1")
        assert outcome.drift is not None
        assert outcome.drift < 2
        assert {order.action for order in own.accepted_orders("DU1")} == {"BUY", "SELL"}


async def test_a_figure_that_is_no_number_fails_the_run_and_says_which_it_is() -> None:
    async with house({"DU1": spy_to_qqq()}, settings=with_settings()) as own:
        tell(own, "DU1", CashBalance="NaN")
        failure = await failure_of(await own.trigger("DU1"))
        assert failure.type == "FiguresUnreadable"
        assert "CashBalance" in failure.message
        assert traded(own) == set()


# --- no last close --------------------------------------------------------------------------------------------------


async def test_a_symbol_without_a_last_close_is_not_traded_unless_configuration_allows_it() -> None:
    instruments = {"QQQ": {"quote_fault": "no_close"}}
    async with house({"DU1": spy_to_qqq()}, settings=with_settings(), instruments=instruments) as own:
        failure = await failure_of(await own.trigger("DU1"))
        assert failure.type == "QuoteWithoutClose"
        assert "QQQ" in failure.message
        assert traded(own) == set()
    allowed = with_settings(quotes={"patience": 0, "close_needed": False})
    async with house({"DU1": spy_to_qqq()}, settings=allowed, instruments=instruments) as own:
        assert "QQQ" in {order.symbol for order in (await outcome_of(own, "DU1")).orders}


# --- clocks ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("seconds", "words"), [(20, "behind"), (-20, "ahead of")])
async def test_a_worker_whose_clock_is_off_trades_nothing_and_a_dry_run_says_so(seconds: float, words: str) -> None:
    clock = OffsetClock(datetime.now(UTC) + timedelta(seconds=seconds))
    settings = with_settings(quotes={"patience": 0, "max_age": 600})
    async with house({"DU1": spy_to_qqq()}, settings=settings, gateway_clock=clock) as own:
        outcome = await outcome_of(own, "DU1", ExecutionMode.DRY_RUN)
        assert any("would stop: the worker's clock is at least" in note for note in outcome.notes)
        failure = await failure_of(await own.trigger("DU1", "event-2"))
        assert failure.type == "ClockAstray"
        assert f"s {words} the gateway's" in failure.message
        assert traded(own) == set()


async def test_how_far_clocks_may_be_apart_is_a_setting() -> None:
    clock = OffsetClock(datetime.now(UTC) + timedelta(seconds=20))
    settings = with_settings(clock_tolerance=30)
    async with house({"DU1": spy_to_qqq()}, settings=settings, gateway_clock=clock) as own:
        assert (await outcome_of(own, "DU1")).orders


# --- accounts that are not dollars and US stocks alone --------------------------------------------------------------


EURO = spy_to_qqq(books={"base_currency": "EUR", "other_cash": {"EUR": "5000"}})


@pytest.mark.parametrize("prefix", [False, True], ids=["plain tags", "prefixed tags"])
@pytest.mark.parametrize("alone", [True, False], ids=["one account", "two accounts"])
async def test_an_account_in_euros_is_traded_with_its_dollars_alone(alone: bool, prefix: bool) -> None:
    accounts = {"DU1": EURO} if alone else {"DU1": EURO, "DU2": spy_to_qqq()}
    async with house(accounts, settings=with_settings(), ledger_prefix=prefix) as own:
        outcome = await outcome_of(own, "DU1")
        assert outcome.drift is not None
        assert outcome.drift < 2
        assert own.gateway.engine.accounts["DU1"].cash >= 0
        assert own.gateway.engine.accounts["DU1"].other_cash == {"EUR": Decimal(5000)}
        assert any("EUR equity with loan value" in note for note in outcome.notes)


async def test_what_an_account_in_euros_is_worth_is_converted_before_it_is_compared() -> None:
    async with house({"DU1": EURO}, settings=with_settings()) as own:
        tell(own, "DU1", NetLiquidation__EUR="47700.00")  # what it is worth in dollars
        assert (await failure_of(await own.trigger("DU1"))).type == "FiguresDisagree"
        assert traded(own) == set()


async def test_without_the_rate_to_convert_by_nothing_is_traded() -> None:
    async with house({"DU1": EURO}, settings=with_settings()) as own:
        tell(own, "DU1", ExchangeRate=None)
        failure = await failure_of(await own.trigger("DU1"))
        assert failure.type == "FiguresDisagree"
        assert "exchange rate for USD" in failure.message


async def test_an_account_of_which_nothing_is_told_stops_instead_of_waiting_for_the_gateway_for_a_day() -> None:
    async with house({"DU1": spy_to_qqq()}, settings=with_settings()) as own:
        tell(own, "DU1", NetLiquidation=None, NetLiquidation__BASE=None)
        assert (await failure_of(await own.trigger("DU1"))).type == "FiguresDisagree"


async def test_an_account_in_pounds_without_dollars_has_nothing_to_invest_and_says_so_at_once() -> None:
    pounds = Holding(cash="0", weights=QQQ_AND_BND, books={"base_currency": "GBP", "other_cash": {"GBP": "9000"}})
    async with house({"DU1": pounds}, settings=with_settings()) as own:
        outcome = await outcome_of(own, "DU1")
        assert outcome.orders == ()
        assert any("neither US dollars nor US stocks" in note for note in outcome.notes)


async def test_the_euros_of_an_account_in_dollars_are_not_taken_for_dollars() -> None:
    euros = Holding(cash="10000", weights=QQQ_AND_BND, books={"other_cash": {"EUR": "90000"}})
    async with house({"DU1": euros, "DU2": Holding()}, settings=with_settings()) as own:
        await outcome_of(own, "DU1")
        assert own.gateway.engine.accounts["DU1"].cash >= 0


OTHERS = (
    {"symbol": "SPY", "sec_type": "OPT", "quantity": "-2", "value": "-1300"},
    {"symbol": "ES", "sec_type": "FUT", "quantity": "1", "value": "2500"},
    {"symbol": "SAP", "sec_type": "STK", "quantity": "70", "value": "12000", "currency": "EUR"},
    {"symbol": "VFFVX", "sec_type": "FUND", "quantity": "100", "value": "5000"},
)


@pytest.mark.parametrize(
    "account",
    [
        *(spy_to_qqq(books={"others": (other,)}) for other in OTHERS),
        spy_to_qqq(books={"others": OTHERS, "base_currency": "GBP"}),
        spy_to_qqq(books={"fractions": {"BND": "0.9"}}),
        Holding(cash="1000", holdings={"SPY": 60, "GLD": 500}, weights=QQQ_AND_BND, more={"held_out": ["GLD"]}),
    ],
    ids=["option", "future", "other currency", "fund", "all of them", "fraction", "held out"],
)
async def test_an_account_that_holds_more_than_what_is_managed_is_traded(account: Holding) -> None:
    async with house({"DU1": account, "DU2": Holding()}, settings=with_settings()) as own:
        outcome = await outcome_of(own, "DU1")
        assert outcome.drift is not None
        assert outcome.drift < 5
        figures = {(tag, currency): value for tag, value, currency in own.gateway.engine.account_values("DU1")}
        assert Decimal(figures["CashBalance", "USD"]) >= 0


async def test_cash_is_not_believed_either_where_something_is_held_out() -> None:
    account = Holding(cash="1000", holdings={"SPY": 60, "GLD": 500}, weights=QQQ_AND_BND, more={"held_out": ["GLD"]})
    async with house({"DU1": account}, settings=with_settings()) as own:
        tell(own, "DU1", CashBalance="1e15")
        assert (await failure_of(await own.trigger("DU1"))).type == "FiguresDisagree"
        assert traded(own) == set()


async def test_one_wrong_figure_does_not_excuse_another() -> None:
    async with house({"DU1": spy_to_qqq()}, settings=with_settings()) as own:
        tell(own, "DU1", FuturesPNL="1e15", CashBalance="1e15")
        assert (await failure_of(await own.trigger("DU1"))).type == "FiguresDisagree"
        assert traded(own) == set()


async def test_what_the_broker_tells_no_value_of_is_not_guessed() -> None:
    account = spy_to_qqq(
        books={"others": ({"symbol": "IBUS500", "sec_type": "CFD", "quantity": "9", "value": "4000"},)}
    )
    async with house({"DU1": account}, settings=with_settings()) as own:
        assert (await failure_of(await own.trigger("DU1"))).type == "FiguresDisagree"
        assert traded(own) == set()
