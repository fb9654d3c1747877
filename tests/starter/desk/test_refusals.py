"""What the desk refuses, by type: whoever asks over HTTP goes by that and not by the words."""

import pytest

from contract.messages import Resolution
from rebalancing.approval import Approval, Rejection
from rebalancing.failures import NothingToApprove, NothingToResolve
from rebalancing.outcomes import Phase
from rebalancing.triggers import ExecutionMode
from starter.desk.approve import approve, waiting_plan
from starter.desk.cancel import NothingToCancel, cancel
from starter.desk.outcome import RequestUnknown, outcome_of
from starter.desk.plan import PlanNotMade, plan_of, plan_requested
from starter.desk.reject import reject
from starter.desk.resolve import resolve
from starter.desk.trigger import deliver, requested
from starter.desk.updating import UpdateRefused
from testbed.temporal_server import temporal_server
from tests.house import Holding, house, phase_reached

NO_PLAN = Approval(plan_hash="0123456789ab")


async def test_an_account_that_is_not_rebalanced_has_nothing_to_decide_about() -> None:
    async with temporal_server() as server:
        client = server.client
        with pytest.raises(NothingToCancel):
            await cancel(client, "DU1")
        with pytest.raises(NothingToApprove):
            await waiting_plan(client, "DU1")
        with pytest.raises(NothingToApprove):
            await approve(client, "DU1", NO_PLAN)
        with pytest.raises(NothingToApprove):
            await reject(client, "DU1", Rejection())
        with pytest.raises(NothingToResolve):
            await resolve(client, "DU1", Resolution(ref="ref"))


async def test_a_rebalance_that_has_ended_is_not_cancelled_and_one_that_was_terminated_knows_no_request() -> None:
    async with temporal_server() as server:
        client = server.client
        trigger = requested("DU1", ExecutionMode.DRY_RUN)
        handle = await deliver(client, trigger)
        await handle.terminate()
        with pytest.raises(RequestUnknown, match="DU1: failed"):
            await outcome_of(client, trigger)
        with pytest.raises(NothingToCancel):
            await cancel(client, "DU1")


async def test_a_rebalance_refuses_a_word_that_does_not_fit_what_it_waits_for() -> None:
    async with house({"DU1": Holding(more={"approval": {"required": "always"}})}) as own:
        await phase_reached(await own.trigger("DU1"), Phase.WAITING_FOR_APPROVAL)
        waiting = await waiting_plan(own.client, "DU1")
        with pytest.raises(UpdateRefused, match=waiting.plan_hash):
            await approve(own.client, "DU1", NO_PLAN)
        with pytest.raises(UpdateRefused, match="no-such-ref"):
            await resolve(own.client, "DU1", Resolution(ref="no-such-ref"))
        assert "is rejected" in await reject(own.client, "DU1", Rejection())


async def test_a_dry_run_that_fails_makes_no_plan() -> None:
    async with house({"DU1": Holding(weights={"NOPE": "1"})}) as own:
        trigger = plan_requested("DU1")
        await deliver(own.client, trigger)
        # Of a run that has ended, a worker that is slow to answer leaves only how it ended.
        with pytest.raises((PlanNotMade, RequestUnknown), match="DU1: failed"):
            await plan_of(own.client, trigger)
