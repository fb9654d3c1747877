"""What lists of runs show of each: how it ended in a word, and how far the account is from its targets."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError, WorkflowHandle

from contract.names import DRIFT, OUTCOME
from contract.run_summary import summary_in
from rebalancing.approval import Rejection
from rebalancing.outcomes import Phase
from rebalancing.triggers import ExecutionMode
from simulator.gateway.faults import FaultMatch, FaultRule
from starter.desk.reject import reject
from testbed.waiting import until
from tests.house import Holding, House, failure_of, house, phase_reached

ASKING = Holding(more={"approval": {"required": "always"}})


async def listed(handle: WorkflowHandle[Any, Any]) -> tuple[str | None, float | None]:
    """The outcome and the drift of the latest run."""
    attributes = (await handle.describe()).typed_search_attributes
    return attributes.get(OUTCOME), attributes.get(DRIFT)


async def test_a_rebalance_shows_its_drift_from_the_plan_on_and_what_is_left_of_it_at_the_end() -> None:
    async with house({"DU1": ASKING}) as own:
        handle = await own.trigger("DU1")
        await phase_reached(handle, Phase.WAITING_FOR_APPROVAL)
        outcome, drift = await listed(handle)
        assert outcome is None
        assert drift is not None
        assert drift > 90
        await reject(own.client, "DU1", Rejection())
        await failure_of(handle)
        assert await listed(handle) == ("failed", drift)


async def test_what_was_carried_out_is_completed_with_the_drift_after_it() -> None:
    async with house({"DU1": Holding()}) as own:
        handle = await own.trigger("DU1")
        result = await handle.result()
        assert result.outcome is not None
        assert result.outcome.drift is not None
        assert await listed(handle) == ("completed", float(round(result.outcome.drift, 4)))


async def test_a_dry_run_that_ended_is_none_of_those_that_completed_and_its_drift_is_the_accounts_own() -> None:
    async with house({"DU1": Holding()}) as own:
        handle = await own.trigger("DU1", mode=ExecutionMode.DRY_RUN)
        result = await handle.result()
        assert result.outcome is not None
        assert result.outcome.drift_before is not None
        assert await listed(handle) == ("dry run", float(round(result.outcome.drift_before, 4)))


async def test_a_rebalance_whose_order_was_refused_is_found_by_its_outcome() -> None:
    async with house({"DU1": Holding()}) as own:
        match = FaultMatch(request="placeOrder", symbol="GLD")
        own.gateway.add_fault(FaultRule(action="reject", match=match, code=201, text="No.", count=None))
        handle = await own.trigger("DU1")
        await handle.result()
        assert (await listed(handle))[0] == "incomplete"
        not_done = "ExecutionStatus != 'Running' AND ExecutionMode = 'rebalance' AND Outcome != 'completed'"

        async def found() -> list[str]:
            return [run.id async for run in own.client.list_workflows(not_done)]

        await until(found)
        assert await found() == ["rebalance-DU1"]


async def test_whoever_asks_for_a_drift_finds_the_account() -> None:
    async with house({"DU1": Holding()}) as own:
        await (await own.trigger("DU1", mode=ExecutionMode.DRY_RUN)).result()

        async def found() -> list[str]:
            return [run.id async for run in own.client.list_workflows("Drift > 50")]

        await until(found)
        assert await found() == ["rebalance-DU1"]


@pytest.mark.parametrize("mode", list(ExecutionMode))
async def test_what_fails_is_failed_whatever_it_was_to_do(mode: ExecutionMode) -> None:
    async with house({"DU1": Holding(weights={"NOSUCH": "1"})}) as own:
        handle = await own.trigger("DU1", mode=mode)
        await failure_of(handle)
        assert (await listed(handle))[0] == "failed"


async def test_what_is_cancelled_or_expired_says_so() -> None:
    async with house({"DU1": ASKING, "DU2": Holding()}) as own:
        handle = await own.trigger("DU1")
        await phase_reached(handle, Phase.WAITING_FOR_APPROVAL)
        await handle.cancel()
        with pytest.raises(WorkflowFailureError):
            await handle.result()
        assert (await listed(handle))[0] == "cancelled"
        old = await own.trigger("DU2", at=datetime.now(UTC) - timedelta(days=3))
        await old.result()
        assert (await listed(old))[0] == "expired"


async def test_what_was_refused_before_it_began_is_failed() -> None:
    async with house({"DU1": Holding()}) as own:
        unknown = await own.trigger("DU9")
        assert (await failure_of(unknown)).type == "AccountUnknown"
        assert await listed(unknown) == ("failed", None)
        unreadable = await started_with(own, {"mode": "rebalance"})
        assert (await failure_of(unreadable)).type == "TriggerInvalid"
        assert await listed(unreadable) == ("failed", None)


async def started_with(own: House, payload: object) -> WorkflowHandle[Any, Any]:
    """The account's workflow, started with a signal that somebody wrote by hand."""
    return await own.client.start_workflow(
        "RebalanceAccount",
        {"account": "DU1"},
        id="rebalance-DU1",
        task_queue="rebalances",
        start_signal="trigger",
        start_signal_args=[payload],
    )


async def test_a_follow_up_run_has_no_outcome_before_it_is_over() -> None:
    async with house({"DU1": ASKING}) as own:
        own.gateway.add_fault(FaultRule(action="delay", seconds=1, match=FaultMatch(request="reqContractDetails")))
        handle = await own.trigger("DU1", "dry", ExecutionMode.DRY_RUN)
        await phase_reached(handle, Phase.READING)
        first = (await handle.describe()).run_id
        await own.trigger("DU1", "live")
        latest = own.handle("DU1")
        await until(lambda: is_another_run(latest, first))
        await phase_reached(latest, Phase.WAITING_FOR_APPROVAL)
        assert (await listed(latest))[0] is None
        ended = await own.client.get_workflow_handle("rebalance-DU1", run_id=first).describe()
        assert ended.typed_search_attributes.get(OUTCOME) == "dry run"


async def is_another_run(handle: WorkflowHandle[Any, Any], first: str) -> bool:
    """Whether a follow-up run has taken this one's place."""
    return (await handle.describe()).run_id != first


async def test_the_drift_of_the_memo_and_of_the_list_is_one() -> None:
    async with house({"DU1": Holding(cash="1000", holdings={"SPY": 40})}) as own:
        handle = await own.trigger("DU1")
        await handle.result()
        told = await summary_in(await handle.describe())
        assert told is not None
        assert told.drift_after is not None
        assert (await listed(handle))[1] == float(round(told.drift_after, 4))
        assert told.drift_after < Decimal(1)
