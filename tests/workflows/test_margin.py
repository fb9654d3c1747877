"""What an account may carry and sell: the margin check before the first order, and unsettled money in cash accounts."""

from typing import Any

import pytest

from rebalancing.triggers import ExecutionMode
from simulator.gateway.faults import FaultMatch, FaultRule
from testbed.waiting import until
from tests.house import TRADING, Holding, House, configuration, failure_of, house, quick_settings

CASH_ACCOUNT: dict[str, Any] = {"kind": "cash"}


def asked(own: House) -> list[Any]:
    """The what-if orders the gateway was sent."""
    return [request for request in own.gateway.requests if request.name == "whatIfOrder"]


def traded(own: House) -> list[Any]:
    """The requests that change something at the gateway."""
    return [request for request in own.gateway.requests if request.name in TRADING]


async def test_a_margin_account_is_asked_about_once_before_the_first_order() -> None:
    async with house({"DU1": Holding(cash="1000", holdings={"SPY": 100})}) as own:
        result = await (await own.trigger("DU1")).result()
        assert result.outcome is not None
        planned = {(order.symbol, order.side.value, order.quantity) for order in result.outcome.orders}
        questions = {(request.symbol, request.side, int(request.quantity)) for request in asked(own)}
        assert questions == planned
        assert max(request.time for request in asked(own)) <= min(request.time for request in traded(own))
        assert any("margin check: initial margin after the plan" in note for note in result.outcome.notes)
        assert any("commissions" in note for note in result.outcome.notes)


async def test_what_an_account_cannot_carry_stops_the_run_before_any_trade() -> None:
    async with house({"DU1": Holding(books={"other_margin": "80000"})}) as own:
        error = await failure_of(await own.trigger("DU1"))
        assert error.type == "MarginInsufficient"
        assert "more than the equity with loan value" in error.message
        assert traded(own) == []


async def test_a_margin_that_is_enough_is_no_reason_to_stop() -> None:
    async with house({"DU1": Holding(books={"other_margin": "40000"})}) as own:
        assert (await (await own.trigger("DU1")).result()).outcome is not None


async def test_an_order_that_would_be_refused_stops_the_run_before_any_trade() -> None:
    async with house({"DU1": Holding(cash="1000", holdings={"SPY": 100})}) as own:
        match = FaultMatch(request="whatIfOrder", symbol="GLD")
        text = "Order rejected - reason:No trading permission for this product."
        own.gateway.add_fault(FaultRule(action="reject", match=match, code=201, text=text))
        error = await failure_of(await own.trigger("DU1"))
        assert error.type == "OrdersRefused"
        assert "GLD" in error.message
        assert "No trading permission" in error.message
        assert traded(own) == []


async def test_a_buy_that_the_sells_pay_for_is_not_refused_beforehand() -> None:
    async with house({"DU1": Holding(cash="1000", holdings={"SPY": 100})}) as own:
        match = FaultMatch(request="whatIfOrder", symbol="GLD")
        text = "Order rejected - reason:YOUR AVAILABLE FUNDS [1000 USD] MUST EXCEED THE INITIAL MARGIN [9000 USD]."
        own.gateway.add_fault(FaultRule(action="reject", match=match, code=201, text=text))
        result = await (await own.trigger("DU1")).result()
        assert result.outcome is not None
        assert len(own.accepted_orders("DU1")) == 4


async def test_a_question_that_is_not_answered_is_noted() -> None:
    settings = quick_settings(request_timeout=1)
    async with house({"DU1": Holding()}, settings=settings) as own:
        own.gateway.add_fault(FaultRule(action="stall", match=FaultMatch(request="whatIfOrder", symbol="GLD")))
        result = await (await own.trigger("DU1")).result()
        assert result.outcome is not None
        assert any("no margin was told for GLD" in note for note in result.outcome.notes)
        assert len(own.accepted_orders("DU1")) == 3


async def test_the_margin_check_can_be_switched_off_and_dry_runs_and_cash_accounts_need_none() -> None:
    accounts = {
        "DU1": Holding(more={"margin_check": False}),
        "DU2": Holding(books=CASH_ACCOUNT),
        "DU3": Holding(more={"funding": "cash"}),
        "DU4": Holding(),
    }
    async with house(accounts) as own:
        for account in ("DU1", "DU2", "DU3"):
            await (await own.trigger(account)).result()
        await (await own.trigger("DU4", mode=ExecutionMode.DRY_RUN)).result()
        assert asked(own) == []


async def test_a_cash_account_does_not_sell_what_it_bought_with_unsettled_money() -> None:
    at_once = quick_settings().model_copy(update={"figures_lag": 0})
    before = Holding(cash="1000", holdings={"SPY": 100}, weights={"QQQ": "0.5", "BND": "0.5"}, books=CASH_ACCOUNT)
    after = Holding(weights={"GLD": "1"})
    async with house({"DU1": before}, workers=0, settings=at_once) as own:
        async with own.working():
            await (await own.trigger("DU1", "first")).result()
        bought = dict(own.gateway.engine.accounts["DU1"].positions)
        assert own.gateway.engine.accounts["DU1"].settled_cash < 0
        own.configuration = configuration({"DU1": after}, at_once)
        async with own.working():
            result = await (await own.trigger("DU1", "second")).result()
        assert result.outcome is not None
        assert own.gateway.engine.accounts["DU1"].positions == bought
        assert any("QQQ was bought today with money that has not settled" in note for note in result.outcome.notes)


async def test_a_cash_account_may_sell_what_settled_money_bought() -> None:
    at_once = quick_settings().model_copy(update={"figures_lag": 0})
    async with house({"DU1": Holding(weights={"QQQ": "1"}, books=CASH_ACCOUNT)}, workers=0, settings=at_once) as own:
        async with own.working():
            await (await own.trigger("DU1", "first")).result()
        own.configuration = configuration({"DU1": Holding(weights={"GLD": "1"})}, at_once)
        async with own.working():
            result = await (await own.trigger("DU1", "second")).result()
        assert result.outcome is not None
        assert set(own.gateway.engine.accounts["DU1"].positions) == {"GLD"}


@pytest.mark.parametrize("action", ["close_before", "close_after"])
async def test_a_connection_lost_amid_the_questions_is_made_again_and_they_are_asked_again(action: Any) -> None:
    async with house({"DU1": Holding(cash="1000", holdings={"SPY": 100})}) as own:
        own.gateway.add_fault(FaultRule(action=action, match=FaultMatch(request="whatIfOrder"), after=1))
        result = await (await own.trigger("DU1")).result()
        assert result.outcome is not None
        assert any("margin check: initial margin" in note for note in result.outcome.notes)
        assert {order.symbol for order in own.accepted_orders("DU1")} == {"SPY", "QQQ", "BND", "GLD"}
        assert len(own.accepted_orders("DU1")) == 4


async def test_a_worker_killed_before_the_answers_leaves_the_questions_to_the_next_one() -> None:
    at_once = quick_settings(request_timeout=10).model_copy(update={"figures_lag": 0})
    async with house({"DU1": Holding()}, workers=0, settings=at_once) as own:
        slow = FaultRule(action="stall", match=FaultMatch(request="whatIfOrder"), count=3)
        own.gateway.add_fault(slow)
        async with own.working():
            handle = await own.trigger("DU1")
            await until(lambda: len(asked(own)) >= 3)
        async with own.working():
            result = await handle.result()
        assert result.outcome is not None
        # Not again about that plan, whose figures are of the lost connection: about the one that is made anew.
        assert len(asked(own)) == 6
        assert len(own.accepted_orders("DU1")) == 3
