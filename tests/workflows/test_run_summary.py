"""What a run leaves of itself in its memo, whatever way it ends."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from temporalio.client import WorkflowFailureError

from contract.messages import Resolution
from contract.run_summary import LONGEST_REASON, RunSummary, summary_in
from rebalancing.approval import Approval, Rejection
from rebalancing.drift import drift_between
from rebalancing.outcomes import Phase
from rebalancing.triggers import ExecutionMode, Trigger
from simulator.gateway.faults import FaultMatch, FaultRule
from starter.desk.approve import approve
from starter.desk.reject import reject
from starter.desk.resolve import resolve
from starter.desk.trigger import deliver
from tests.house import Holding, House, failure_of, house, phase_reached
from workflows.rebalance_account import RebalanceAccount

ASKING = Holding(more={"approval": {"required": "always"}})


async def summary(own: House, account: str, run_id: str | None = None) -> RunSummary:
    """What the account's latest run, or this one, tells of itself."""
    handle = own.client.get_workflow_handle(f"rebalance-{account}", run_id=run_id)
    told = await summary_in(await handle.describe())
    assert told is not None
    return told


async def test_a_live_run_tells_who_asked_what_it_cost_and_how_far_it_was_off() -> None:
    async with house({"DU1": Holding()}) as own:
        trigger = Trigger(
            account="DU1",
            event_id="e-1",
            mode=ExecutionMode.REBALANCE,
            source="cli",
            requested_at=datetime.now(UTC),
            by="mia@desk",
        )
        result = await (await deliver(own.client, trigger)).result()
        outcome, told = result.outcome, await summary(own, "DU1")
    assert outcome is not None
    assert (told.phase, told.mode) == (Phase.COMPLETED, ExecutionMode.REBALANCE)
    assert (told.sources, told.by, told.event_ids, told.events) == (("cli",), ("mia@desk",), ("e-1",), 1)
    assert told.drift_before == outcome.drift_before
    assert told.drift_before == drift_between(outcome.weights_before, outcome.target_weights)
    assert told.drift_after == outcome.drift
    assert (told.orders, told.commissions) == (3, outcome.commissions.quantize(Decimal("0.01")))
    assert outcome.slippage is not None
    assert (told.slippage, told.slippage_bp) == (outcome.slippage.amount, outcome.slippage.basis_points)
    assert abs(told.traded - sum(order.filled * order.average_price for order in outcome.orders)) < 1
    assert told.started_at < told.finished_at
    assert (told.failure, told.reason) == ("", "")


async def test_a_dry_run_tells_what_it_would_trade() -> None:
    async with house({"DU1": Holding()}) as own:
        result = await (await own.trigger("DU1", mode=ExecutionMode.DRY_RUN)).result()
        told = await summary(own, "DU1")
    assert result.outcome is not None
    assert result.outcome.plan is not None
    assert (told.mode, told.orders) == (ExecutionMode.DRY_RUN, 3)
    assert told.traded == sum(order.estimated_value for order in result.outcome.plan.orders)
    assert told.commissions == 0
    assert told.drift_before is not None
    assert told.drift_after is not None
    assert told.drift_before > 90 > 1 > told.drift_after


async def test_a_run_that_fails_tells_the_type_and_the_first_words() -> None:
    guarded = Holding(more={"guards": {"minimum_symbols": 5}})
    async with house({"DU1": guarded}) as own:
        error = await failure_of(await own.trigger("DU1"))
        told = await summary(own, "DU1")
    assert (told.phase, told.failure) == (Phase.FAILED, "GuardBreached")
    assert told.drift_before is not None
    assert told.drift_after is None
    assert len(told.reason) <= LONGEST_REASON
    assert error.message.startswith(told.reason.rstrip("…"))


async def test_a_run_that_is_refused_before_it_begins_tells_why() -> None:
    async with house({"DU1": Holding()}) as own:
        await failure_of(await own.trigger("DU9", "e-9"))
        told = await summary(own, "DU9")
    assert (told.phase, told.failure, told.event_ids) == (Phase.FAILED, "AccountUnknown", ("e-9",))
    assert "DU9" in told.reason


async def test_a_cancelled_run_tells_what_had_filled() -> None:
    async with house({"DU1": Holding()}) as own:
        own.gateway.add_fault(FaultRule(action="delay", seconds=60, match=FaultMatch(request="placeOrder")))
        handle = await own.trigger("DU1")
        await phase_reached(handle, Phase.BUYING)
        await handle.cancel()
        with pytest.raises(WorkflowFailureError):
            await handle.result()
        told = await summary(own, "DU1")
    assert told.phase is Phase.CANCELLED
    assert told.reason.startswith("cancelled; filled:")


async def test_what_a_person_said_is_told_with_who_and_when() -> None:
    async with house({"DU1": ASKING, "DU2": ASKING}) as own:
        for account in ("DU1", "DU2"):
            handle = await own.trigger(account)
            await phase_reached(handle, Phase.WAITING_FOR_APPROVAL)
        waiting = (await own.handle("DU1").query(RebalanceAccount.status)).waiting_plan
        assert waiting is not None
        before = datetime.now(UTC)
        await approve(own.client, "DU1", Approval(plan_hash=waiting.plan_hash, by="mia@desk"))
        await own.handle("DU1").result()
        (approved,) = (await summary(own, "DU1")).acts
        await reject(own.client, "DU2", Rejection(reason="no", by="joe@desk"))
        await failure_of(own.handle("DU2"))
        (rejected,) = (await summary(own, "DU2")).acts
    assert (approved.act, approved.by) == (f"approved plan {waiting.plan_hash}", "mia@desk")
    assert approved.at >= before.replace(microsecond=0)
    assert (rejected.act, rejected.by) == (f"rejected plan {waiting.plan_hash}", "joe@desk")


async def test_a_run_that_goes_on_as_another_one_leaves_its_own_and_hands_on_none() -> None:
    async with house({"DU1": ASKING}) as own:
        handle = await own.trigger("DU1", "live")
        await phase_reached(handle, Phase.WAITING_FOR_APPROVAL)
        first = (await own.handle("DU1").describe()).run_id
        await own.trigger("DU1", "dry", ExecutionMode.DRY_RUN)
        await reject(own.client, "DU1", Rejection())
        await own.handle("DU1").result()
        told = [await summary(own, "DU1", first), await summary(own, "DU1")]
    assert [(each.phase, each.event_ids) for each in told] == [
        (Phase.FAILED, ("live",)),
        (Phase.COMPLETED, ("dry",)),
    ]
    assert told[1].acts == ()


async def test_an_order_of_unknown_fate_is_resolved_by_somebody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("activities.gateway.order_desk.ACKNOWLEDGE_TIMEOUT", 0.5)
    async with house({"DU1": Holding(weights={"QQQ": "1"})}) as own:
        own.gateway.add_fault(FaultRule(action="swallow", match=FaultMatch(request="placeOrder")))
        handle = await own.trigger("DU1")
        await phase_reached(handle, Phase.NEEDS_OPERATOR)
        ref = (await handle.query(RebalanceAccount.status)).orders[0].ref
        await resolve(own.client, "DU1", Resolution(ref=ref, by="mia@desk"))
        await handle.result()
        (resolved,) = (await summary(own, "DU1")).acts
    assert (resolved.act, resolved.by) == (f"resolved {ref}: never placed", "mia@desk")
