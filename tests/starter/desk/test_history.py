"""What happened: runs by their memos, and what persons did."""

from datetime import UTC, datetime, timedelta

import pytest

from contract.halts import HALT_ID, pause_id, set_halt, strategy_pause_id
from rebalancing.approval import Approval, Rejection
from rebalancing.outcomes import Phase
from rebalancing.triggers import ExecutionMode
from starter.desk.approve import approve, waiting_plan
from starter.desk.halt import resume
from starter.desk.history import HistoryRequest, read_history
from starter.desk.reject import reject
from starter.desk.runs import OURS
from starter.desk.show import RunUnknown, details_of, find_run
from testbed.waiting import until
from tests.house import Holding, House, failure_of, house, phase_reached

GUARDED = Holding(more={"guards": {"minimum_symbols": 5}, "strategy_name": "other"})
ASKING = Holding(more={"approval": {"required": "always"}})


async def lists(own: House, query: str, count: int) -> None:
    """Return once the server lists so many."""

    async def is_so() -> bool:
        return (await own.client.count_workflows(query)).count == count

    await until(is_so)


async def test_every_run_is_told_and_restricted_to_what_is_asked_for() -> None:
    async with house({"DU1": Holding(), "DU5": GUARDED}) as own:
        await (await own.trigger("DU1", "live")).result()
        await (await own.trigger("DU1", "dry", ExecutionMode.DRY_RUN)).result()
        await (await own.trigger("DU1", "live")).result()  # known already
        await failure_of(await own.trigger("DU5"))
        await lists(own, f"{OURS} AND ExecutionStatus != 'Running'", 4)

        async def told(**asked: object) -> list[tuple[str, str, str]]:
            found = await read_history(own.client, HistoryRequest(**asked))  # pyright: ignore[reportArgumentType]
            return [(run.account, run.mode, run.phase) for run in found.runs]

        everything = [
            ("DU5", "rebalance", "failed"),
            ("DU1", "dry_run", "completed"),
            ("DU1", "rebalance", "completed"),
        ]
        assert await told() == everything
        assert await told(account="DU1") == everything[1:]
        assert await told(failed_only=True) == everything[:1]
        assert await told(strategy="other") == everything[:1]
        now = datetime.now(UTC)
        assert await told(since=now - timedelta(hours=1)) == everything
        assert await told(since=now + timedelta(hours=1)) == []
        found = await read_history(own.client, HistoryRequest(limit=1))
        assert (len(found.runs), found.left_out) == (1, 3)


async def test_a_run_that_went_on_as_another_one_is_told_by_itself() -> None:
    async with house({"DU1": ASKING}) as own:
        await phase_reached(await own.trigger("DU1", "live"), Phase.WAITING_FOR_APPROVAL)
        await own.trigger("DU1", "dry", ExecutionMode.DRY_RUN)
        await reject(own.client, "DU1", Rejection(by="joe@desk"))
        await own.handle("DU1").result()
        await lists(own, f"{OURS} AND ExecutionStatus = 'Completed'", 1)
        found = await read_history(own.client, HistoryRequest())
        failed = await read_history(own.client, HistoryRequest(failed_only=True))
        details = await details_of(own.client, failed.runs[0])
    assert [(run.mode, run.phase) for run in found.runs] == [("dry_run", "completed"), ("rebalance", "failed")]
    assert [run.phase for run in failed.runs] == ["failed"]
    assert [(act.account, act.by) for act in found.acts] == [("DU1", "joe@desk")]
    assert "was rejected" in details.message
    assert details.plan is not None


async def test_halts_pauses_and_approvals_are_told_with_who_and_when() -> None:
    async with house({"DU1": ASKING}) as own:
        for halt_id in (HALT_ID, pause_id("DU7"), strategy_pause_id("blend")):
            await set_halt(own.client, halt_id, "mia@desk", "look first")
            await resume(own.client, halt_id, "joe@desk", "seen")
        await phase_reached(await own.trigger("DU1"), Phase.WAITING_FOR_APPROVAL)
        plan = await waiting_plan(own.client, "DU1")
        await approve(own.client, "DU1", Approval(plan_hash=plan.plan_hash, by="ann@desk"))
        await own.handle("DU1").result()
        await lists(own, "ExecutionStatus = 'Terminated'", 3)
        await lists(own, f"{OURS} AND ExecutionStatus = 'Completed'", 1)
        acts = (await read_history(own.client, HistoryRequest())).acts
        of_one = (await read_history(own.client, HistoryRequest(account="DU1"))).acts
        of_strategy = (await read_history(own.client, HistoryRequest(strategy="blend"))).acts
    assert {(act.by, act.act) for act in acts} == {
        ("mia@desk", "halt: look first"),
        ("joe@desk", "halt: ended: seen"),
        ("mia@desk", "pause of DU7: look first"),
        ("joe@desk", "pause of DU7: ended: seen"),
        ("mia@desk", "pause of strategy blend: look first"),
        ("joe@desk", "pause of strategy blend: ended: seen"),
        ("ann@desk", f"approved plan {plan.plan_hash}"),
    }
    assert {act.act.partition(":")[0] for act in of_one} == {"halt", f"approved plan {plan.plan_hash}"}
    assert {act.act.partition(":")[0] for act in of_strategy} == {"halt", "pause of strategy blend"}


async def test_one_run_is_shown_whole_by_the_beginning_of_its_id() -> None:
    async with house({"DU1": Holding()}) as own:
        result = await (await own.trigger("DU1")).result()
        latest = await find_run(own.client, "DU1", None)
        details = await details_of(own.client, await find_run(own.client, "DU1", latest.run_id[:8]))
        assert details.outcome == result.outcome
        assert len(details.orders) == 3
        with pytest.raises(RunUnknown, match="history DU1"):
            await find_run(own.client, "DU1", "zzzzzzzz")
        with pytest.raises(RunUnknown, match="No run of DU2"):
            await find_run(own.client, "DU2", None)
