"""``rebalancer approve`` and ``rebalancer reject``: what they show and how they answer."""

from pathlib import Path

from rebalancing.outcomes import Phase
from tests.cli.command import desk
from tests.house import Holding, failure_of, house, phase_reached
from workflows.rebalance_account import RebalanceAccount

ASKING = Holding(more={"approval": {"required": "always"}, "guards": {"minimum_symbols": 5, "on_breach": "ask"}})


async def test_approve_shows_the_plan_and_approves_of_it(tmp_path: Path) -> None:
    async with house({"DU1": ASKING}) as own:
        handle = await own.trigger("DU1")
        await phase_reached(handle, Phase.WAITING_FOR_APPROVAL)
        waiting = (await handle.query(RebalanceAccount.status)).waiting_plan
        assert waiting is not None
        operator = desk(tmp_path, **own.variables)
        assert waiting.plan_hash in (await operator.run("status", "DU1", "--json")).output
        shown = (await operator.run("status", "DU1")).output
        assert f"plan {waiting.plan_hash}" in shown
        assert "breached guard: minimum_symbols" in shown
        other = await operator.run("approve", "DU1", "--plan-hash", "0123456789ab")
        assert other.status == 1
        assert waiting.plan_hash in other.errors
        unasked = await operator.run("approve", "DU1")
        assert unasked.status == 3
        assert f"--plan-hash {waiting.plan_hash}" in unasked.errors
        assert (await operator.run("status", "DU1")).status == 3
        approved = await operator.run("approve", "DU1", "--yes")
        assert approved.status == 0, approved.errors
        assert waiting.plan_hash in approved.output
        assert "QQQ" in approved.output
        assert "minimum_symbols" in approved.output
        assert "is approved" in approved.errors
        result = await handle.result()
    assert result.outcome is not None
    assert len(result.outcome.orders) == 3


async def test_approve_takes_the_hash_it_is_given(tmp_path: Path) -> None:
    async with house({"DU1": ASKING}) as own:
        handle = await own.trigger("DU1")
        await phase_reached(handle, Phase.WAITING_FOR_APPROVAL)
        waiting = (await handle.query(RebalanceAccount.status)).waiting_plan
        assert waiting is not None
        operator = desk(tmp_path, **own.variables)
        approved = await operator.run("approve", "DU1", "--plan-hash", waiting.plan_hash.upper())
        assert approved.status == 0, approved.errors
        assert (await handle.result()).outcome is not None


async def test_reject_ends_the_rebalance_with_the_reason(tmp_path: Path) -> None:
    async with house({"DU1": ASKING}) as own:
        handle = await own.trigger("DU1")
        await phase_reached(handle, Phase.WAITING_FOR_APPROVAL)
        operator = desk(tmp_path, **own.variables)
        rejected = await operator.run("reject", "DU1", "--reason", "too much at once")
        assert rejected.status == 0, rejected.errors
        error = await failure_of(handle)
        assert error.type == "PlanRejected"
        assert "too much at once" in error.message
        again = await operator.run("reject", "DU1")
        assert again.status == 1
        assert "no plan waits" in again.errors


async def test_without_a_waiting_plan_there_is_nothing_to_approve(tmp_path: Path) -> None:
    async with house({"DU1": Holding()}, workers=0) as own:
        operator = desk(tmp_path, **own.variables)
        shown = await operator.run("approve", "DU1")
        assert shown.status == 1
        assert "waiting plan of DU1" in shown.errors
        named = await operator.run("approve", "DU1", "--plan-hash", "0123456789ab")
        assert named.status == 1
        assert "No rebalance of DU1 is running" in named.errors
