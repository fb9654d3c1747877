"""A history that was lost, torn or put back: live runs wait where the broker knows more, and nothing old is traded."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle

from contract.halts import halts_of, history_pause_id, set_halt
from rebalancing.outcomes import Outcome, Phase
from rebalancing.triggers import EventStatus, ExecutionMode
from starter.desk.accept_history import NothingToAccept, accept_history, read_doubt, say_restored
from tests.house import Holding, House, house, phase_reached
from tests.workflows.restoring import accepted, restorable_house
from tests.workflows.test_restored_history import SETTINGS, happened, let_a_day_pass, let_through

ALL_IN_QQQ: Mapping[str, Any] = {"weights": {"QQQ": "1"}, "more": {"margin_check": False}}


async def outcome_of(handle: WorkflowHandle[Any, Any]) -> Outcome:
    outcome = (await handle.result()).outcome
    assert outcome is not None
    return outcome


async def detail_of(own: House, account: str = "DU1") -> str:
    handle = own.handle(account)
    await phase_reached(handle, Phase.HALTED)
    return (await handle.query("status"))["detail"]


async def test_after_a_lost_database_a_live_run_waits_and_says_what_the_broker_has_until_it_is_accepted(
    tmp_path: Path,
) -> None:
    async with restorable_house(tmp_path, {"DU1": Holding(**ALL_IN_QQQ)}, settings=SETTINGS) as (own, server):
        async with own.working():
            await (await own.trigger("DU1")).result()
        (order,) = own.accepted_orders("DU1")
        await server.lose()
        async with own.working():
            said = await outcome_of(await own.trigger("DU1", "look", ExecutionMode.DRY_RUN))
            assert any(order.ref in note for note in said.notes)
            assert not await halts_of(own.client, "DU1", None)
            handle = await own.trigger("DU1", "first")
            detail = await detail_of(own)
            assert f"BUY {order.quantity} QQQ" in detail
            assert order.ref in detail
            assert "rebalancer accept-history DU1" in detail
            assert await accepted(own) == [f"BUY {order.quantity} QQQ, {order.quantity} filled"]
            assert (await outcome_of(handle)).phase is Phase.COMPLETED
            again = await outcome_of(await own.trigger("DU1", "second"))  # and is not asked again
        assert again.phase is Phase.COMPLETED
        assert own.accepted_orders("DU1") == [order]


async def test_a_run_that_was_rolled_back_to_before_its_orders_does_not_take_them_for_its_own(tmp_path: Path) -> None:
    async with restorable_house(tmp_path, {"DU1": Holding(**ALL_IN_QQQ)}, settings=SETTINGS) as (own, server):
        async with own.working():
            await let_through(own.client, 0)
            handle = await own.trigger("DU1")
            await happened(handle, "read_snapshot", EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED)
            server.copy()
            await let_through(own.client, None)
            await handle.result()
        (order,) = own.accepted_orders("DU1")
        await server.restore()
        await let_through(own.client, None)
        async with own.working():
            assert order.ref in await detail_of(own)
            assert len(await accepted(own)) == 1
            outcome = await outcome_of(handle)
        assert (outcome.phase, outcome.orders) == (Phase.COMPLETED, ())
        assert own.accepted_orders("DU1") == [order]


async def test_after_midnight_the_broker_tells_nothing_and_holdings_alone_keep_it_from_buying_twice(
    tmp_path: Path,
) -> None:
    async with restorable_house(tmp_path, {"DU1": Holding(**ALL_IN_QQQ)}, settings=SETTINGS) as (own, server):
        async with own.working():
            await (await own.trigger("DU1")).result()
        (order,) = own.accepted_orders("DU1")
        await server.lose()
        let_a_day_pass(own.gateway.engine)
        async with own.working():
            assert (await outcome_of(await own.trigger("DU1"))).phase is Phase.COMPLETED
        assert own.accepted_orders("DU1") == [order]


async def test_what_was_published_before_the_history_was_put_back_expires_and_what_comes_after_waits() -> None:
    async with house({"DU1": Holding(**ALL_IN_QQQ)}) as own:
        published = datetime.now(UTC)
        await say_restored(own.client, own.configuration, "", "ann")
        await (await own.trigger("DU1", "before", at=published)).result()
        assert (record := (await own.remembered("DU1")).find("before")) is not None
        assert record.status is EventStatus.EXPIRED
        assert "before the history was put back" in record.summary
        assert not own.accepted_orders("DU1")
        handle = await own.trigger("DU1", "after")
        assert "put back" in await detail_of(own)
        assert not own.accepted_orders("DU1")
        assert await accepted(own) == []
        assert (await outcome_of(handle)).phase is Phase.COMPLETED
        assert len(own.accepted_orders("DU1")) == 1


async def test_an_expired_event_that_is_published_anew_is_a_new_request() -> None:
    async with house({"DU1": Holding(**ALL_IN_QQQ)}) as own:
        published = datetime.now(UTC) - timedelta(minutes=1)
        await say_restored(own.client, own.configuration, "", "ann")
        await (await own.trigger("DU1", "same", at=published)).result()
        handle = await own.trigger("DU1", "same")
        await phase_reached(handle, Phase.HALTED)
        await accepted(own)
        assert (await outcome_of(handle)).phase is Phase.COMPLETED


async def test_runs_of_one_history_are_known_to_each_other_on_the_same_day() -> None:
    async with house({"DU1": Holding(**ALL_IN_QQQ)}) as own:
        await (await own.trigger("DU1", "one")).result()
        (order,) = own.accepted_orders("DU1")
        own.gateway.engine.accounts["DU1"].holdings.clear()
        outcome = await outcome_of(await own.trigger("DU1", "two"))
        assert outcome.phase is Phase.COMPLETED
        assert not any(order.ref in note for note in outcome.notes)
        with pytest.raises(NothingToAccept):
            await read_doubt(own.client, own.configuration.configured("DU1"))


async def test_orders_that_come_to_light_after_an_acceptance_are_asked_about_anew(tmp_path: Path) -> None:
    """Accepted is what was shown, and nothing else."""
    async with restorable_house(tmp_path, {"DU1": Holding(**ALL_IN_QQQ)}, settings=SETTINGS) as (own, server):
        async with own.working():
            await (await own.trigger("DU1")).result()
        (order,) = own.accepted_orders("DU1")
        await server.lose()
        async with own.working():
            await set_halt(own.client, history_pause_id("DU1"), "ann", "")
            doubt = await read_doubt(own.client, own.configuration.configured("DU1"))
            await accept_history(own.client, "DU1", doubt._replace(orders=()), "ann")
            handle = await own.trigger("DU1")
            assert order.ref in await detail_of(own)
            await asyncio.gather(accepted(own), handle.result())
