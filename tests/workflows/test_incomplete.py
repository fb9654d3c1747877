"""A rebalance that did not do all it was to do ends as ``incomplete``, with the reason; never as ``completed``."""

from decimal import Decimal
from typing import Any

import pytest
from temporalio.client import WorkflowExecutionStatus

from contract.messages import Resolution
from contract.names import PHASE
from rebalancing.outcomes import Outcome, Phase
from rebalancing.triggers import EventStatus, ExecutionMode
from simulator.gateway.faults import FaultMatch, FaultRule
from simulator.gateway.requests import ContractQuery, OrderTicket
from tests.house import PRICES, Holding, House, house, phase_reached, quick_settings
from workflows.rebalance_account import RebalanceAccount

NEVER_FILLS: dict[str, Any] = {"type": "LMT", "limit_at": "midpoint", "reprice_every": 1, "reprice_times": 0}
ANOTHER_CLIENT = 99


def refuse(own: House, symbol: str) -> None:
    """Have the gateway reject every order for this symbol."""
    match = FaultMatch(request="placeOrder", symbol=symbol)
    own.gateway.add_fault(
        FaultRule(action="reject", match=match, code=201, text="Order rejected - reason:No.", count=None)
    )


async def outcome_of(own: House, mode: ExecutionMode = ExecutionMode.REBALANCE) -> Outcome:
    """What the rebalance of DU1 came to."""
    result = await (await own.trigger("DU1", mode=mode)).result()
    assert result.outcome is not None
    return result.outcome


def unexplained(outcome: Outcome) -> dict[str, str]:
    """The symbols whose gap makes the rebalance incomplete, with what is said of each."""
    return {gap.symbol: gap.reason for gap in outcome.gaps if not gap.is_explained}


async def test_a_rejected_order_makes_it_incomplete_wherever_its_end_is_shown() -> None:
    async with house({"DU1": Holding()}) as own:
        refuse(own, "GLD")
        outcome = await outcome_of(own)
        assert outcome.phase is Phase.INCOMPLETE
        assert unexplained(outcome) == {"GLD": "the order was rejected: Order rejected - reason:No. (code 201)"}
        status = await own.handle("DU1").query(RebalanceAccount.status)
        (event,) = status.events.records
        assert (status.phase, event.status) == (Phase.INCOMPLETE, EventStatus.INCOMPLETE)
        assert "incomplete: GLD: the order was rejected" in event.summary
        closed = await own.handle("DU1").describe()
        assert closed.status is WorkflowExecutionStatus.COMPLETED, "its outcome is a result, not a failure"
        assert closed.typed_search_attributes.get(PHASE) == "incomplete"


async def test_a_rebalance_whose_orders_were_all_rejected_is_not_completed() -> None:
    async with house({"DU1": Holding()}) as own:
        for symbol in PRICES:
            refuse(own, symbol)
        outcome = await outcome_of(own)
        assert own.gateway.engine.executions == []
        assert outcome.phase is Phase.INCOMPLETE
        assert set(unexplained(outcome)) == {"QQQ", "BND", "GLD"}


async def test_a_limit_order_that_never_filled_and_was_given_up_makes_it_incomplete() -> None:
    account = Holding(weights={"QQQ": "1"}, more={"order_policy": {**NEVER_FILLS, "then": "give_up"}})
    async with house({"DU1": account}) as own:
        outcome = await outcome_of(own)
        assert outcome.phase is Phase.INCOMPLETE
        assert "0 of" in unexplained(outcome)["QQQ"]


async def test_a_market_order_that_did_not_fill_in_time_makes_it_incomplete() -> None:
    settings = quick_settings().model_copy(update={"fill_timeout": 0.5})
    async with house({"DU1": Holding()}, settings=settings, latency={"fill": (60, 60)}) as own:
        assert (await outcome_of(own)).phase is Phase.INCOMPLETE


async def test_a_sell_that_brought_nothing_in_makes_it_incomplete_though_no_buy_was_refused() -> None:
    async with house({"DU1": Holding(cash="700", holdings={"SPY": 100})}) as own:
        refuse(own, "SPY")
        outcome = await outcome_of(own)
        assert [order.side for order in outcome.orders] == ["SELL"], "there is no cash for a buy"
        assert outcome.phase is Phase.INCOMPLETE
        assert set(unexplained(outcome)) == {"SPY"}


async def test_an_order_that_the_operator_found_never_placed_makes_it_incomplete() -> None:
    async with house({"DU1": Holding(weights={"QQQ": "1"})}) as own:
        own.gateway.add_fault(FaultRule(action="swallow", match=FaultMatch(request="placeOrder")))
        handle = await own.trigger("DU1")
        await phase_reached(handle, Phase.NEEDS_OPERATOR)
        status = await handle.query(RebalanceAccount.status)
        await handle.execute_update(RebalanceAccount.resolve, Resolution(ref=status.orders[0].ref))
        outcome = (await handle.result()).outcome
        assert outcome is not None
        assert outcome.phase is Phase.INCOMPLETE


async def test_a_rest_that_went_to_market_and_filled_leaves_nothing_to_complain_of() -> None:
    account = Holding(weights={"QQQ": "1"}, more={"order_policy": {**NEVER_FILLS, "then": "market"}})
    async with house({"DU1": account}) as own:
        outcome = await outcome_of(own)
        assert len(outcome.orders) == 2
        assert outcome.phase is Phase.COMPLETED


@pytest.mark.parametrize(
    "rule",
    [{"minimum_order_value": "40000"}, {"never_buy": ["BND"]}, {"cash_reserve_percent": "30"}, {"lots": {"QQQ": 60}}],
)
async def test_what_a_rule_of_the_account_leaves_is_complete_and_told(rule: dict[str, Any]) -> None:
    async with house({"DU1": Holding(more=rule)}) as own:
        outcome = await outcome_of(own)
        assert outcome.phase is Phase.COMPLETED
        assert all(gap.reason for gap in outcome.gaps)


async def test_holdings_that_no_fill_explains_make_it_incomplete() -> None:
    async with house({"DU1": Holding(weights={"QQQ": "1"})}, latency={"fill": (1, 1)}) as own:
        handle = await own.trigger("DU1")
        await phase_reached(handle, Phase.BUYING)
        ticket = OrderTicket(account="DU1", action="BUY", quantity=Decimal(10), order_type="MKT")
        own.gateway.engine.place(ANOTHER_CLIENT, 1, ContractQuery(symbol="SPY", sec_type="STK"), ticket)
        own.gateway.wake()
        outcome = (await handle.result()).outcome
        assert outcome is not None
        assert outcome.phase is Phase.INCOMPLETE
        assert unexplained(outcome) == {"SPY": "the broker reports 10 shares, the fills explain 0"}


async def test_a_dry_run_is_never_incomplete() -> None:
    async with house({"DU1": Holding()}) as own:
        assert (await outcome_of(own, ExecutionMode.DRY_RUN)).phase is Phase.COMPLETED
