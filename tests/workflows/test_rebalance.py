"""One rebalance through the real parts: what it trades, and what it reports."""

from decimal import Decimal

import pytest

from rebalancing.outcomes import Phase
from rebalancing.triggers import ExecutionMode
from simulator.gateway.faults import FaultMatch, FaultRule
from tests.house import TRADING, Holding, failure_of, house, quick_settings


async def test_an_account_with_cash_only_is_moved_to_its_targets() -> None:
    async with house({"DU1": Holding()}) as own:
        result = await (await own.trigger("DU1")).result()
        assert result.outcome is not None
        assert result.outcome.drift is not None
        assert result.outcome.drift < 1
        filled = {order.symbol: order.filled for order in result.outcome.orders}
        assert own.gateway.engine.accounts["DU1"].positions == filled
        assert set(filled) == {"QQQ", "BND", "GLD"}


async def test_what_is_not_in_the_targets_is_sold_before_anything_is_bought() -> None:
    async with house({"DU1": Holding(cash="1000", holdings={"SPY": 100, "EDC": 50})}) as own:
        result = await (await own.trigger("DU1")).result()
        sides = [order.action for order in own.accepted_orders("DU1")]
        assert sides == ["SELL", "SELL", "BUY", "BUY", "BUY"]
        last_sale = max(e.time for e in own.gateway.engine.executions if e.symbol in ("SPY", "EDC"))
        assert all(o.placed_at >= last_sale for o in own.accepted_orders("DU1") if o.action == "BUY")
        assert result.outcome is not None
        assert result.outcome.drift is not None
        assert result.outcome.drift < 1.5


async def test_the_outcome_tells_plan_slippage_and_cash() -> None:
    async with house({"DU1": Holding(cash="1000", holdings={"SPY": 100})}) as own:
        outcome = (await (await own.trigger("DU1")).result()).outcome
        assert outcome is not None
        assert outcome.plan is not None
        assert {line.symbol: line.reason.value for line in outcome.plan.lines}["SPY"] == "not in the targets"
        assert outcome.arrival_prices.keys() == {order.symbol for order in outcome.plan.orders}
        paid = {order.symbol: order.average_price for order in outcome.orders}
        signs = {order.symbol: 1 if order.side.value == "BUY" else -1 for order in outcome.orders}
        slipped = sum(
            signs[order.symbol] * order.filled * (paid[order.symbol] - outcome.arrival_prices[order.symbol])
            for order in outcome.orders
        )
        assert outcome.slippage is not None
        assert outcome.slippage.amount == pytest.approx(slipped, abs=Decimal("0.01"))
        account = own.gateway.engine.accounts["DU1"]
        assert outcome.cash is not None
        assert outcome.cash.cash == pytest.approx(account.cash, abs=Decimal("0.01"))
        assert 0 <= outcome.cash.above_reserve < account.cash


async def test_a_dry_run_tells_its_plan_and_where_the_cash_would_stand() -> None:
    async with house({"DU1": Holding(holdings={"SPY": 10})}) as own:
        outcome = (await (await own.trigger("DU1", mode=ExecutionMode.DRY_RUN)).result()).outcome
        assert outcome is not None
        assert outcome.plan is not None
        assert outcome.slippage is None
        assert outcome.cash == outcome.plan.cash_after


async def test_cash_stays_above_the_reserve() -> None:
    async with house({"DU1": Holding(cash="50", holdings={"SPY": 30}, more={"cash_reserve_percent": "2"})}) as own:
        await (await own.trigger("DU1")).result()
        account = own.gateway.engine.accounts["DU1"]
        assert account.cash >= 30 * 670 * 2 // 100


async def test_a_cash_figure_that_lags_behind_the_fills_is_not_spent_twice() -> None:
    latency = {"fill": (0.01, 0.02), "commission": 0.01, "account_values": 60}
    async with house({"DU1": Holding(more={"minimum_order_value": "1000"})}, latency=latency) as own:
        await (await own.trigger("DU1", "first")).result()
        second = await (await own.trigger("DU1", "second")).result()
        assert second.outcome is not None
        assert second.outcome.orders == ()


async def test_a_dry_run_changes_nothing_at_the_gateway() -> None:
    async with house({"DU1": Holding(holdings={"SPY": 10})}) as own:
        result = await (await own.trigger("DU1", mode=ExecutionMode.DRY_RUN)).result()
        assert not [request for request in own.gateway.requests if request.name in TRADING]
        assert own.gateway.engine.accounts["DU1"].positions == {"SPY": 10}
        assert result.outcome is not None
        assert result.outcome.mode is ExecutionMode.DRY_RUN
        assert result.outcome.orders == ()
        assert any("would SELL 10 SPY" in note for note in result.outcome.notes)


async def test_an_account_that_is_on_target_is_left_alone() -> None:
    async with house({"DU1": Holding(more={"minimum_order_value": "1000"})}) as own:
        await (await own.trigger("DU1", "first")).result()
        orders = len(own.accepted_orders("DU1"))
        result = await (await own.trigger("DU1", "second")).result()
        assert len(own.accepted_orders("DU1")) == orders
        assert result.outcome is not None
        assert result.outcome.phase is Phase.COMPLETED


async def test_a_symbol_that_does_not_exist_fails_its_account_before_any_trade_while_others_finish() -> None:
    accounts = {
        "DU1": Holding(weights={"QQQ": "0.5", "NOSUCH": "0.5"}),
        "DU2": Holding(),
    }
    async with house(accounts) as own:
        broken, sound = await own.trigger("DU1"), await own.trigger("DU2")
        error = await failure_of(broken)
        assert error.type == "SymbolUnknown"
        assert "NOSUCH" in error.message
        assert own.accepted_orders("DU1") == []
        assert (await sound.result()).outcome is not None


async def test_a_live_account_on_a_paper_login_is_refused() -> None:
    async with house({"U1": Holding(more={"type": "paper"})}) as own:
        error = await failure_of(await own.trigger("U1"))
        assert error.type == "AccountTypeMismatch"
        assert own.accepted_orders("U1") == []


async def test_an_account_that_is_not_configured_fails_at_once() -> None:
    async with house({"DU1": Holding()}) as own:
        error = await failure_of(await own.trigger("DU9"))
        assert error.type == "AccountUnknown"
        assert "DU9" in error.message


async def test_a_rejected_order_is_reported_as_a_gap_and_not_sent_again() -> None:
    async with house({"DU1": Holding()}) as own:
        match = FaultMatch(request="placeOrder", symbol="GLD")
        own.gateway.add_fault(FaultRule(action="reject", match=match, code=201, text="Order rejected - reason:No."))
        result = await (await own.trigger("DU1")).result()
        assert result.outcome is not None
        gap = next(gap for gap in result.outcome.gaps if gap.symbol == "GLD")
        assert "rejected" in gap.reason
        assert "GLD" not in own.gateway.engine.accounts["DU1"].positions
        placed = [
            request for request in own.gateway.requests if request.symbol == "GLD" and request.name == "placeOrder"
        ]
        assert len(placed) == 1


async def test_a_request_that_is_never_answered_fails_with_words_after_its_own_time_out() -> None:
    settings = quick_settings(request_timeout=0.2)
    async with house({"DU1": Holding()}, settings=settings) as own:
        match = FaultMatch(request="reqContractDetails")
        own.gateway.add_fault(FaultRule(action="stall", match=match, count=None))
        error = await failure_of(await own.trigger("DU1"))
        assert error.type == "GatewayTimeout"
        assert "did not answer" in error.message
        assert "0.2 s" in error.message


async def test_an_order_that_does_not_fill_is_cancelled_and_reported() -> None:
    settings = quick_settings().model_copy(update={"fill_timeout": 0.5})
    async with house({"DU1": Holding()}, settings=settings, latency={"fill": (60, 60)}) as own:
        result = await (await own.trigger("DU1")).result()
        assert {order.status for order in own.accepted_orders("DU1")} == {"Cancelled"}
        assert result.outcome is not None
        assert all("cancelled" in gap.reason for gap in result.outcome.gaps if gap.symbol != "CASH")
