"""Promises P1, P2 and P6: one rebalance per account at a time, each event once, modes never mixed."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue

from activities.opening import RUNS_AT_ONCE
from contract.halts import pause_id, set_halt
from contract.status import Status
from rebalancing.outcomes import Phase
from rebalancing.triggers import EventStatus, ExecutionMode
from testbed.waiting import until
from tests.house import Holding, House, house, phase_reached, status_reached
from tests.workflows.test_market_hours import CLOSED, waiting_at_most

LIVE, DRY = ExecutionMode.REBALANCE, ExecutionMode.DRY_RUN
CALM = Holding(more={"minimum_order_value": "1000"})
"""An account whose second run finds nothing worth trading: what the price cushion left over buys one more share."""

SLOW: dict[str, Any] = {"latency": {"fill": (0.6, 0.6)}}


async def runs_of(own: House, account: str) -> int:
    """How many runs the account's workflow has had."""
    return len([run async for run in own.client.list_workflows(f"WorkflowId = 'rebalance-{account}'")])


async def test_three_events_in_flight_become_one_run_and_one_follow_up() -> None:
    async with house({"DU1": CALM}, **SLOW) as own:
        handle = await own.trigger("DU1", "first")
        await phase_reached(own.handle("DU1"), Phase.BUYING)
        await own.trigger("DU1", "second")
        await own.trigger("DU1", "third")
        result = await handle.result()
        assert {record.event_id: record.status for record in (await own.remembered("DU1")).records} == {
            "first": EventStatus.COMPLETED,
            "second": EventStatus.COMPLETED,
            "third": EventStatus.COMPLETED,
        }
        assert result.outcome is not None
        assert result.outcome.event_ids == ("second", "third")
        assert await runs_of(own, "DU1") == 2
        assert len(own.accepted_orders("DU1")) == 3


async def test_the_same_event_twice_during_a_run_is_carried_out_once() -> None:
    async with house({"DU1": Holding()}, **SLOW) as own:
        handle = await own.trigger("DU1", "same")
        await phase_reached(own.handle("DU1"), Phase.BUYING)
        await own.trigger("DU1", "same")
        await handle.result()
        assert await runs_of(own, "DU1") == 1
        assert len(own.accepted_orders("DU1")) == 3


async def test_the_same_event_after_the_run_closed_does_nothing() -> None:
    async with house({"DU1": Holding()}) as own:
        first = await (await own.trigger("DU1", "same")).result()
        assert first.outcome is not None
        seen = len(own.gateway.requests)
        again = await (await own.trigger("DU1", "same")).result()
        assert again.outcome is None
        assert len(own.gateway.requests) == seen


async def test_an_event_of_a_failed_run_is_remembered_too() -> None:
    async with house({"DU1": Holding(weights={"NOSUCH": "1"})}) as own:
        handle = await own.trigger("DU1", "same")
        await asyncio.gather(handle.result(), return_exceptions=True)
        again = await (await own.trigger("DU1", "same")).result()
        assert again.outcome is None
        assert (await own.remembered("DU1")).records[0].status is EventStatus.FAILED


async def test_what_is_remembered_is_found_behind_any_number_of_runs_that_remember_nothing() -> None:
    async with house({"DU1": Holding()}) as own:
        await (await own.trigger("DU1", "first")).result()
        for number in range(RUNS_AT_ONCE + 2):
            refused = await own.client.start_workflow(
                "RebalanceAccount", {"account": f"DU{number + 2}"}, id="rebalance-DU1", task_queue="rebalances"
            )
            await asyncio.gather(refused.result(), return_exceptions=True)
        assert await runs_of(own, "DU1") == RUNS_AT_ONCE + 3
        assert (await (await own.trigger("DU1", "first")).result()).outcome is None
        assert [record.event_id for record in (await own.remembered("DU1")).records] == ["first"]


async def test_an_event_of_a_terminated_run_does_not_come_back() -> None:
    async with house({"DU1": Holding()}, **SLOW) as own:
        handle = await own.trigger("DU1", "same")
        await phase_reached(own.handle("DU1"), Phase.BUYING)
        await handle.terminate("an operator")
        again = await (await own.trigger("DU1", "same")).result()
        assert again.outcome is None


async def test_nothing_comes_back_that_a_terminated_run_had_absorbed_or_kept_for_later() -> None:
    async with house({"DU1": Holding()}, settings=waiting_at_most(20), **CLOSED) as own:
        handle = await own.trigger("DU1", "first")
        await phase_reached(handle, Phase.WAITING_FOR_MARKET)
        await own.trigger("DU1", "absorbed")
        await own.trigger("DU1", "kept", DRY)
        await status_reached(handle, lambda status: status.pending_events == ("kept",))
        await handle.terminate("an operator")
        for event_id, mode in (("first", LIVE), ("absorbed", LIVE), ("kept", DRY)):
            again = await (await own.trigger("DU1", event_id, mode)).result()
            assert again.outcome is None, event_id
            record = (await own.remembered("DU1")).find(event_id, mode)
            assert record is not None
            assert record.status is EventStatus.CANCELLED


async def test_nothing_comes_back_that_was_sent_to_a_run_terminated_before_any_worker_saw_it() -> None:
    async with house({"DU1": Holding()}, workers=0) as own:
        await own.trigger("DU1", "first")
        handle = await own.trigger("DU1", "second")
        await handle.terminate("an operator")
        async with own.working():
            for event_id in ("second", "first"):
                assert (await (await own.trigger("DU1", event_id)).result()).outcome is None
            assert (await (await own.trigger("DU1", "new")).result()).outcome is not None


async def test_a_follow_up_run_that_is_terminated_takes_nothing_back_of_what_the_run_before_carried_out() -> None:
    async with house({"DU1": Holding()}, **SLOW) as own:
        await own.trigger("DU1", "first")
        await until(lambda: len(own.accepted_orders("DU1")) == 3)
        await set_halt(own.client, pause_id("DU1"), "test", "so that the follow-up run is met at work")
        await own.trigger("DU1", "second")
        latest = own.handle("DU1")
        await status_reached(latest, lambda status: _is_running(status, "second"))
        await latest.terminate("an operator")
        for event_id in ("first", "second"):
            assert (await (await own.trigger("DU1", event_id)).result()).outcome is None
        assert {record.event_id: record.status for record in (await own.remembered("DU1")).records} == {
            "first": EventStatus.COMPLETED,
            "second": EventStatus.CANCELLED,
        }


def _is_running(status: Status, event_id: str) -> bool:
    record = status.events.find(event_id, LIVE)
    return record is not None and record.status is EventStatus.RUNNING


async def test_garbage_that_was_sent_to_a_terminated_run_is_in_nobodys_way() -> None:
    async with house({"DU1": Holding()}, workers=0) as own:
        handle = await own.trigger("DU1", "first")
        unknown = RawValue(Payload(metadata={"encoding": b"nonsense"}, data=b"x"))
        for garbage in (unknown, "text", 7, None, {"event_id": ["e"]}, {"event_id": "e", "account": "DU2"}):
            await handle.signal("trigger", garbage)
        await handle.signal("other", {"event_id": "not a trigger"})
        await handle.terminate("an operator")
        async with own.working():
            assert (await (await own.trigger("DU1", "first")).result()).outcome is None
            new = await (await own.trigger("DU1", "not a trigger")).result()
            assert new.outcome is not None
            assert {record.event_id for record in (await own.remembered("DU1")).records} == {"first", "not a trigger"}


async def test_an_event_id_that_came_as_a_dry_run_is_carried_out_when_it_comes_live() -> None:
    async with house({"DU1": Holding()}) as own:
        rehearsal = await (await own.trigger("DU1", "same", DRY)).result()
        assert rehearsal.outcome is not None
        result = await (await own.trigger("DU1", "same", LIVE)).result()
        assert result.outcome is not None
        assert result.outcome.mode is LIVE
        assert len(own.accepted_orders("DU1")) == 3
        again = await (await own.trigger("DU1", "same", DRY)).result()
        assert again.outcome is None


async def test_an_event_id_that_comes_live_during_its_dry_run_is_carried_out_after_it() -> None:
    async with house({"DU1": Holding()}, latency={"request": 0.2}) as own:
        handle = await own.trigger("DU1", "same", DRY)
        await phase_reached(own.handle("DU1"), Phase.READING)
        await own.trigger("DU1", "same", LIVE)
        result = await handle.result()
        assert result.outcome is not None
        assert result.outcome.mode is LIVE
        assert len(own.accepted_orders("DU1")) == 3


async def test_a_live_event_during_a_dry_run_trades_in_a_run_of_its_own() -> None:
    async with house({"DU1": Holding()}, latency={"request": 0.2}) as own:
        handle = await own.trigger("DU1", "dry", DRY)
        await phase_reached(own.handle("DU1"), Phase.READING)
        await own.trigger("DU1", "live", LIVE)
        result = await handle.result()
        assert result.outcome is not None
        assert result.outcome.mode is LIVE
        assert result.outcome.event_ids == ("live",)
        assert own.accepted_orders("DU1") != []


async def test_a_dry_run_asked_for_during_a_live_run_does_not_trade() -> None:
    async with house({"DU1": Holding()}, **SLOW) as own:
        handle = await own.trigger("DU1", "live", LIVE)
        await phase_reached(own.handle("DU1"), Phase.BUYING)
        await own.trigger("DU1", "dry", DRY)
        result = await handle.result()
        assert result.outcome is not None
        assert result.outcome.mode is DRY
        assert len(own.accepted_orders("DU1")) == 3


async def test_events_delivered_while_no_worker_runs_are_carried_out_when_one_comes() -> None:
    async with house({"DU1": Holding()}, workers=0) as own:
        handle = await own.trigger("DU1", "early")
        async with own.working():
            result = await handle.result()
        assert result.outcome is not None


async def test_a_run_started_without_any_event_does_nothing() -> None:
    async with house({"DU1": Holding()}) as own:
        handle = await own.client.start_workflow(
            "RebalanceAccount", {"account": "DU1"}, id="rebalance-DU1", task_queue="rebalances"
        )
        result = await handle.result()
        assert result["outcome"] is None


async def test_an_event_older_than_a_full_memory_is_taken_as_known() -> None:
    async with house({"DU1": Holding()}, workers=0) as own:
        now = datetime.now(UTC)
        records = [
            {
                "event_id": f"e{n}",
                "mode": "rebalance",
                "requested_at": (now + timedelta(seconds=n)).isoformat(),
                "status": "completed",
            }
            for n in range(100)
        ]
        handle = await own.client.start_workflow(
            "RebalanceAccount",
            {"account": "DU1", "events": {"records": records}},
            id="rebalance-DU1",
            task_queue="rebalances",
        )
        await own.trigger("DU1", "ancient", at=now - timedelta(hours=1))
        async with own.working():
            assert (await handle.result())["outcome"] is None
