"""Guards and approval through the real workflow: what stops, what waits for a person, and what a person's word does."""

import asyncio
import json
import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from contract.names import APPROVE_UPDATE
from rebalancing.approval import Approval, Rejection, WaitingPlan
from rebalancing.outcomes import Phase
from rebalancing.triggers import ExecutionMode
from tests.faults.cell import leave_an_order
from tests.house import (
    TRADING,
    WEIGHTS,
    Holding,
    House,
    configuration,
    failure_of,
    house,
    phase_reached,
    quick_settings,
)
from tests.workflows.skipped_time import house_of_skipped_time
from workflows.rebalance_account import RebalanceAccount

NOW = datetime.now(UTC)
ASKING: dict[str, Any] = {"approval": {"required": "always"}}


async def waiting_plan(handle: WorkflowHandle[Any, Any], other_than: str = "") -> WaitingPlan:
    """The plan that waits for a person, once one does."""
    while True:
        waiting = (await handle.query(RebalanceAccount.status)).waiting_plan
        if waiting is not None and waiting.plan_hash != other_than:
            return waiting
        await asyncio.sleep(0.02)


async def refusal(handle: WorkflowHandle[Any, Any], plan_hash: str) -> ApplicationError:
    """Why an approval is not taken."""
    with pytest.raises(WorkflowUpdateFailedError) as failure:
        await handle.execute_update(APPROVE_UPDATE, Approval(plan_hash=plan_hash), result_type=str)
    assert isinstance(failure.value.cause, ApplicationError)
    return failure.value.cause


def traded(own: House) -> list[Any]:
    """The gateway's list of requests that change something."""
    return [request for request in own.gateway.requests if request.name in TRADING]


async def test_a_breached_guard_stops_the_run_before_any_trade_and_says_the_figures() -> None:
    guards = {"maximum_order_value": "10000", "minimum_symbols": 4}
    async with house({"DU1": Holding(more={"guards": guards})}) as own:
        error = await failure_of(await own.trigger("DU1"))
        assert error.type == "GuardBreached"
        assert "QQQ" in error.message
        assert "at most 10,000.00 USD" in error.message
        assert "at least 4" in error.message
        assert traded(own) == []


async def test_a_guard_that_is_kept_changes_nothing() -> None:
    async with house({"DU1": Holding(more={"guards": {"maximum_order_value": "60000", "minimum_symbols": 3}})}) as own:
        result = await (await own.trigger("DU1")).result()
        assert result.outcome is not None
        assert len(result.outcome.orders) == 3


async def test_a_dry_run_tells_of_breaches_and_neither_stops_nor_waits() -> None:
    accounts = {
        "DU1": Holding(more={"guards": {"maximum_weight_percent": "40"}}),
        "DU2": Holding(more={"guards": {"maximum_weight_percent": "40", "on_breach": "ask"}, **ASKING}),
    }
    async with house(accounts) as own:
        stopping = await (await own.trigger("DU1", mode=ExecutionMode.DRY_RUN)).result()
        asking = await (await own.trigger("DU2", mode=ExecutionMode.DRY_RUN)).result()
        assert stopping.outcome is not None
        assert asking.outcome is not None
        assert any("would stop a live run: maximum_weight_percent" in note for note in stopping.outcome.notes)
        assert any("ask for approval: maximum_weight_percent" in note for note in asking.outcome.notes)
        assert any("ask for approval of plan" in note for note in asking.outcome.notes)


async def test_an_approved_plan_is_carried_out_as_it_was_shown() -> None:
    async with house({"DU1": Holding(cash="1000", holdings={"SPY": 100}, more=ASKING)}) as own:
        handle = await own.trigger("DU1")
        waiting = await waiting_plan(handle)
        await phase_reached(handle, Phase.WAITING_FOR_APPROVAL)
        assert traded(own) == []
        told = await handle.execute_update(APPROVE_UPDATE, Approval(plan_hash=waiting.plan_hash), result_type=str)
        assert waiting.plan_hash in told
        result = await handle.result()
        assert result.outcome is not None
        done = [(order.side, order.symbol, order.quantity) for order in result.outcome.orders]
        assert done == [(order.side, order.symbol, order.quantity) for order in waiting.plan.orders]
        assert any(f"plan {waiting.plan_hash} was approved" in note for note in result.outcome.notes)


async def test_a_breach_that_asks_names_the_guard_and_approval_lets_it_through() -> None:
    guards = {"maximum_turnover_percent": "50", "on_breach": "ask"}
    async with house({"DU1": Holding(more={"guards": guards})}) as own:
        handle = await own.trigger("DU1")
        waiting = await waiting_plan(handle)
        assert [breach.guard for breach in waiting.breaches] == ["maximum_turnover_percent"]
        assert "maximum_turnover_percent" in (await handle.query(RebalanceAccount.status)).detail
        await handle.execute_update(APPROVE_UPDATE, Approval(plan_hash=waiting.plan_hash), result_type=str)
        assert (await handle.result()).outcome is not None
        assert len(own.accepted_orders("DU1")) == 3


async def test_an_approval_of_another_plan_is_refused_with_the_current_hash() -> None:
    async with house({"DU1": Holding(more=ASKING)}) as own:
        handle = await own.trigger("DU1")
        waiting = await waiting_plan(handle)
        error = await refusal(handle, "0123456789ab")
        assert error.type == "OtherPlan"
        assert waiting.plan_hash in error.message
        assert traded(own) == []
        await phase_reached(handle, Phase.WAITING_FOR_APPROVAL)


async def test_nothing_can_be_approved_while_nothing_waits() -> None:
    async with house({"DU1": Holding()}, latency={"fill": (0.8, 0.8)}) as own:
        handle = await own.trigger("DU1")
        await phase_reached(handle, Phase.BUYING)
        assert (await refusal(handle, "0123456789ab")).type == "NothingToApprove"


async def test_a_rejected_plan_ends_the_run_and_nothing_is_traded() -> None:
    async with house({"DU1": Holding(more=ASKING)}) as own:
        handle = await own.trigger("DU1")
        await waiting_plan(handle)
        await handle.execute_update(RebalanceAccount.reject, Rejection(reason="not before Friday"))
        error = await failure_of(handle)
        assert error.type == "PlanRejected"
        assert "not before Friday" in error.message
        assert traded(own) == []


async def test_a_plan_that_nobody_approves_of_expires_and_the_time_it_waits_is_not_counted_as_work() -> None:
    """It waits for four hours; a rebalance may work for five minutes."""
    async with house_of_skipped_time({"DU1": Holding(more=ASKING)}) as own:
        error = await failure_of(await own.trigger("DU1"))
        assert error.type == "ApprovalExpired"
        assert "14400 s" in error.message
        assert traded(own) == []


async def test_max_wait_ends_the_wait_for_a_person_too() -> None:
    settings = quick_settings().model_copy(update={"max_wait": 600})
    async with house_of_skipped_time({"DU1": Holding(more=ASKING)}, settings=settings) as own:
        error = await failure_of(await own.trigger("DU1"))
        assert error.type == "ApprovalExpired"
        assert "600 s" in error.message


async def test_an_account_that_waits_for_a_person_lets_the_next_one_have_its_turn() -> None:
    settings = quick_settings(max_concurrent_rebalances=1)
    async with house({"DU1": Holding(more=ASKING), "DU2": Holding()}, settings=settings) as own:
        handle = await own.trigger("DU1")
        waiting = await waiting_plan(handle)
        assert (await (await own.trigger("DU2")).result()).outcome is not None
        await handle.execute_update(APPROVE_UPDATE, Approval(plan_hash=waiting.plan_hash), result_type=str)
        assert (await handle.result()).outcome is not None


async def price_arrived(own: House, account: str, symbol: str, price: str) -> None:
    """Return once another account's plan is made with a price that has just been moved."""
    seen: set[tuple[str, ...]] = set()
    while len(seen) < 2:
        dry = await (await own.trigger(account, f"look-{uuid.uuid4()}", ExecutionMode.DRY_RUN)).result()
        assert dry.outcome is not None
        seen.add(dry.outcome.notes)
        own.gateway.engine.move_price(symbol, Decimal(price))


async def test_after_the_market_moved_the_fresh_plan_is_asked_for() -> None:
    async with house({"DU1": Holding(more=ASKING), "DU2": Holding()}) as own:
        handle = await own.trigger("DU1")
        first = await waiting_plan(handle)
        await price_arrived(own, "DU2", "GLD", "350.00")
        await handle.execute_update(APPROVE_UPDATE, Approval(plan_hash=first.plan_hash), result_type=str)
        second = await waiting_plan(handle, other_than=first.plan_hash)
        assert traded(own) == []
        assert (await refusal(handle, first.plan_hash)).type == "OtherPlan"
        await handle.execute_update(APPROVE_UPDATE, Approval(plan_hash=second.plan_hash), result_type=str)
        result = await handle.result()
        assert result.outcome is not None
        assert {order.symbol: order.quantity for order in result.outcome.orders} == {
            order.symbol: order.quantity for order in second.plan.orders
        }


async def test_a_newer_event_replaces_the_waiting_plan() -> None:
    async with house({"DU1": Holding(more=ASKING)}) as own:
        handle = await own.trigger("DU1", "first")
        first = await waiting_plan(handle)
        await own.trigger("DU1", "second")
        while (await waiting_plan(handle)).expires_at == first.expires_at:  # noqa: ASYNC110  # another process's state
            await asyncio.sleep(0.02)
        waiting = await waiting_plan(handle)
        await handle.execute_update(APPROVE_UPDATE, Approval(plan_hash=waiting.plan_hash), result_type=str)
        result = await handle.result()
        assert result.outcome is not None
        assert len(own.accepted_orders("DU1")) == 3
        assert {record.event_id: record.status.value for record in result.events.records} == {
            "first": "completed",
            "second": "completed",
        }


async def test_approval_survives_the_worker() -> None:
    async with house({"DU1": Holding(more=ASKING)}, workers=0) as own:
        async with own.working():
            handle = await own.trigger("DU1")
            first = await waiting_plan(handle)
        async with own.working():
            waiting = await waiting_plan(handle)
            assert waiting == first
            await handle.execute_update(APPROVE_UPDATE, Approval(plan_hash=waiting.plan_hash), result_type=str)
            assert (await handle.result()).outcome is not None
            assert len(own.accepted_orders("DU1")) == 3


async def test_targets_are_held_against_those_of_the_last_completed_rebalance() -> None:
    guards = {"guards": {"maximum_target_change_percent": "20"}}
    changed = {"QQQ": "0.2", "BND": "0.6", "GLD": "0.2"}
    at_once = quick_settings().model_copy(update={"figures_lag": 0})
    async with house({"DU1": Holding(more=guards)}, workers=0, settings=at_once) as own:
        async with own.working():
            await (await own.trigger("DU1", "first")).result()
            await (await own.trigger("DU1", "the same again")).result()
            orders = len(own.accepted_orders("DU1"))
        own.configuration = configuration({"DU1": Holding(weights=changed, more=guards)}, at_once)
        async with own.working():
            error = await failure_of(await own.trigger("DU1", "changed"))
            again = await failure_of(await own.trigger("DU1", "changed again"))
        assert error.type == again.type == "GuardBreached"
        assert "differ by 30.00 %" in error.message
        assert len(own.accepted_orders("DU1")) == orders


@pytest.mark.parametrize("payload", [{}, {"plan_hash": 7}, {"plan_hash": ""}, "yes", None, ["0123456789ab"]])
async def test_an_unreadable_approval_is_refused_and_leaves_the_run_alone(payload: object) -> None:
    async with house({"DU1": Holding(more=ASKING)}) as own:
        handle = await own.trigger("DU1")
        first = await waiting_plan(handle)
        with pytest.raises(WorkflowUpdateFailedError):
            await handle.execute_update("approve", payload)
        assert await waiting_plan(handle) == first
        assert traded(own) == []
        await handle.execute_update(APPROVE_UPDATE, Approval(plan_hash=first.plan_hash), result_type=str)
        assert (await handle.result()).outcome is not None


async def test_a_rejection_needs_no_words() -> None:
    async with house({"DU1": Holding(more=ASKING), "DU2": Holding(more=ASKING)}) as own:
        for account, words in {"DU1": [], "DU2": [None]}.items():
            handle = await own.trigger(account)
            await waiting_plan(handle)
            await handle.execute_update("reject", args=words)
            assert (await failure_of(handle)).type == "PlanRejected"


async def test_what_was_approved_is_traded_although_a_price_moved_within_the_tolerance() -> None:
    async with house({"DU1": Holding(more=ASKING), "DU2": Holding()}) as own:
        handle = await own.trigger("DU1")
        approved = await waiting_plan(handle)
        await price_arrived(own, "DU2", "BND", "74.75")
        await handle.execute_update(APPROVE_UPDATE, Approval(plan_hash=approved.plan_hash), result_type=str)
        result = await handle.result()
        assert result.outcome is not None
        assert {order.symbol: order.quantity for order in result.outcome.orders} == {
            order.symbol: order.quantity for order in approved.plan.orders
        }


async def test_without_a_tolerance_any_other_order_is_asked_about_again() -> None:
    strict = {"approval": {"required": "always", "price_tolerance_percent": 0}}
    async with house({"DU1": Holding(more=strict), "DU2": Holding()}) as own:
        handle = await own.trigger("DU1")
        first = await waiting_plan(handle)
        await price_arrived(own, "DU2", "BND", "75.25")
        await handle.execute_update(APPROVE_UPDATE, Approval(plan_hash=first.plan_hash), result_type=str)
        second = await waiting_plan(handle, other_than=first.plan_hash)
        assert second.plan_hash != first.plan_hash
        assert traded(own) == []
        await handle.execute_update(RebalanceAccount.reject, Rejection())
        assert (await failure_of(handle)).type == "PlanRejected"


async def test_old_allocations_stop_the_run_and_those_without_a_date_too(tmp_path: Path) -> None:
    limit = {"guards": {"maximum_allocations_age_days": 3}}
    weights = [{"symbol": symbol, "allocation": float(weight)} for symbol, weight in WEIGHTS.items()]
    as_of = {"old": NOW - timedelta(days=5), "fresh": NOW - timedelta(days=1)}
    for name, moment in as_of.items():
        data = {"allocations": weights, "as_of": moment.isoformat()}
        (tmp_path / name).write_text(json.dumps({"status": "success", "data": data}))
    accounts = {
        "DU1": Holding(more={**limit, "allocations": {"file": str(tmp_path / "old")}}),
        "DU2": Holding(more={**limit, "allocations": {"file": str(tmp_path / "fresh")}}),
        "DU3": Holding(more=limit),
    }
    async with house(accounts) as own:
        old = await failure_of(await own.trigger("DU1"))
        undated = await failure_of(await own.trigger("DU3"))
        assert old.type == undated.type == "GuardBreached"
        assert "5.0 days old; at most 3 days" in old.message
        assert "do not say their `as_of`" in undated.message
        assert traded(own) == []
        assert (await (await own.trigger("DU2")).result()).outcome is not None


async def test_an_approval_given_while_no_worker_is_up_waits_for_the_next_one() -> None:
    async with house({"DU1": Holding(more=ASKING)}, workers=0) as own:
        async with own.working():
            handle = await own.trigger("DU1")
            waiting = await waiting_plan(handle)
        yes = asyncio.create_task(
            handle.execute_update(APPROVE_UPDATE, Approval(plan_hash=waiting.plan_hash), result_type=str)
        )
        async with own.working():
            assert waiting.plan_hash in await yes
            assert (await handle.result()).outcome is not None
            assert len(own.accepted_orders("DU1")) == 3


async def test_our_open_orders_are_cancelled_after_the_approval_which_still_holds_then() -> None:
    async with house({"DU1": Holding(more=ASKING)}) as own:
        leave_an_order(own.gateway)
        handle = await own.trigger("DU1")
        waiting = await waiting_plan(handle)
        assert [order.status for order in own.accepted_orders("DU1")] == ["Submitted"]
        await handle.execute_update(APPROVE_UPDATE, Approval(plan_hash=waiting.plan_hash), result_type=str)
        result = await handle.result()
        assert result.outcome is not None
        statuses = [order.status for order in own.accepted_orders("DU1")]
        assert statuses == ["Cancelled", "Filled", "Filled", "Filled"]
        approvals = [note for note in result.outcome.notes if "was approved" in note]
        assert len(approvals) == 1


async def test_a_follow_up_run_knows_the_targets_of_the_run_it_follows(tmp_path: Path) -> None:
    published = tmp_path / "allocations.json"
    published.write_text(json.dumps([{"symbol": "QQQ", "allocation": 1}]))
    more = {"allocations": {"file": str(published)}, "guards": {"maximum_target_change_percent": 20}}
    async with house({"DU1": Holding(more=more)}, latency={"fill": (1.5, 1.5)}) as own:
        handle = await own.trigger("DU1", "first")
        await phase_reached(handle, Phase.BUYING)
        await own.trigger("DU1", "second")
        published.write_text(json.dumps([{"symbol": "BND", "allocation": 1}]))
        error = await failure_of(handle)
        assert error.type == "GuardBreached"
        assert "differ by 100.00 %" in error.message
        assert [order.symbol for order in own.accepted_orders("DU1")] == ["QQQ"]
