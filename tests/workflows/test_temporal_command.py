"""People drive a rebalance with the plain ``temporal`` command and plain JSON, as the README shows."""

import asyncio
import json

from rebalancing.outcomes import Phase
from tests.house import Holding, House, failure_of, house, phase_reached
from worker.temporal import temporal_command

TRIGGER = {"event_id": "by-hand-1", "mode": "rebalance"}
START = (
    "workflow", "signal-with-start",
    "--type", "RebalanceAccount",
    "--task-queue", "rebalances",
    "--workflow-id", "rebalance-DU1",
    "--input", '{"account": "DU1"}',
    "--signal-name", "trigger",
)  # fmt: skip


async def temporal(own: House, *arguments: str) -> str:
    """Run the ``temporal`` command against the test's server."""
    process = await asyncio.create_subprocess_exec(
        temporal_command(),
        *arguments,
        "--address",
        own.address,
        "--namespace",
        own.client.namespace,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    return output.decode()


async def test_signal_with_start_rebalances_and_query_and_list_show_it() -> None:
    async with house({"DU1": Holding()}) as own:
        await temporal(own, *START, "--signal-input", json.dumps(TRIGGER))
        result = await own.handle("DU1").result()
        assert result.outcome is not None
        assert len(own.accepted_orders("DU1")) == 3
        answer = await temporal(own, "workflow", "query", "--workflow-id", "rebalance-DU1", "--type", "status")
        assert "completed" in answer
        query = "Account = 'DU1' AND Phase = 'completed' AND ExecutionMode = 'rebalance'"
        assert "rebalance-DU1" in await temporal(own, "workflow", "list", "--query", query)


async def test_cancel_cancels_the_working_orders() -> None:
    async with house({"DU1": Holding()}, latency={"fill": (60, 60)}) as own:
        await temporal(own, *START, "--signal-input", json.dumps(TRIGGER))
        await phase_reached(own.handle("DU1"), Phase.BUYING)
        await temporal(own, "workflow", "cancel", "--workflow-id", "rebalance-DU1")
        await asyncio.gather(own.handle("DU1").result(), return_exceptions=True)
        assert {order.status for order in own.accepted_orders("DU1")} <= {"Cancelled"}
        assert "CANCELED" in await temporal(own, "workflow", "describe", "--workflow-id", "rebalance-DU1")


async def test_a_mode_that_is_not_exactly_rebalance_is_a_dry_run() -> None:
    async with house({"DU1": Holding()}) as own:
        await temporal(own, *START, "--signal-input", '{"event_id": "e", "mode": "Rebalance"}')
        result = await own.handle("DU1").result()
        assert result.outcome is not None
        assert own.accepted_orders("DU1") == []


async def test_an_unreadable_trigger_fails_at_once_with_words_and_trades_nothing() -> None:
    async with house({"DU1": Holding()}) as own:
        await temporal(own, *START, "--signal-input", '"sell everything"')
        error = await failure_of(own.handle("DU1"))
        assert error.type == "TriggerInvalid"
        assert own.accepted_orders("DU1") == []


async def test_an_unreadable_input_fails_the_workflow_instead_of_hanging_it() -> None:
    async with house({"DU1": Holding()}) as own:
        await temporal(
            own, "workflow", "start", "--type", "RebalanceAccount", "--task-queue", "rebalances",
            "--workflow-id", "rebalance-DU1", "--input", '{"acount": "DU1"}',
        )  # fmt: skip
        error = await failure_of(own.handle("DU1"))
        assert "account" in error.message


async def test_an_unreadable_trigger_during_a_run_leaves_the_run_alone_and_is_shown() -> None:
    async with house({"DU1": Holding()}, latency={"fill": (0.8, 0.8)}) as own:
        handle = await own.trigger("DU1")
        await phase_reached(handle, Phase.BUYING)
        await handle.signal("trigger", {"event_id": "x", "requested_at": "yesterday"})
        status = await handle.query("status")
        assert "requested_at" in status["rejected_triggers"][0]
        assert (await handle.result()).outcome is not None


async def test_update_approves_of_a_waiting_plan_by_its_hash_and_rejects() -> None:
    asking = Holding(more={"approval": {"required": "always"}})
    async with house({"DU1": asking, "DU2": asking}) as own:
        approved, rejected = await own.trigger("DU1"), await own.trigger("DU2")
        await phase_reached(approved, Phase.WAITING_FOR_APPROVAL)
        await phase_reached(rejected, Phase.WAITING_FOR_APPROVAL)
        update = ("workflow", "update", "execute", "--workflow-id")
        status = await approved.query("status")
        yes = json.dumps({"plan_hash": status["waiting_plan"]["plan_hash"]})
        assert "is approved" in await temporal(own, *update, "rebalance-DU1", "--name", "approve", "--input", yes)
        no = json.dumps({"reason": "not before Friday"})
        assert "is rejected" in await temporal(own, *update, "rebalance-DU2", "--name", "reject", "--input", no)
        assert (await approved.result()).outcome is not None
        assert (await failure_of(rejected)).type == "PlanRejected"
