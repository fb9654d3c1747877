"""Promise P2: a live event that is too old when its turn comes is shown as expired, not traded, by whichever door."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta

import pytest

from contract.messages import RunInput, RunResult
from rebalancing.outcomes import Phase
from rebalancing.settings import EventSettings, Settings
from rebalancing.triggers import EventRecord, EventStatus, ExecutionMode
from starter.desk.status import read_statuses
from tests.house import Holding, house, phase_reached, quick_settings
from tests.workflows.test_market_hours import CLOSED, waiting_at_most
from workflows.rebalance_account import RebalanceAccount

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


def ago(time: timedelta) -> datetime:
    return datetime.now(UTC) - time


def good_for(seconds: float) -> Settings:
    """Settings with this ``events.maximum_age``."""
    return quick_settings().model_copy(update={"events": EventSettings(maximum_age=seconds)})


def record_of(result: RunResult, event_id: str = "event-1") -> EventRecord:
    record = result.events.find(event_id)
    assert record is not None
    return record


async def test_a_live_event_older_than_the_maximum_age_is_shown_as_expired_and_not_traded(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)
    async with house({"DU1": Holding()}) as own:
        result = await (await own.trigger("DU1", at=ago(DAY + HOUR))).result()
        assert result.outcome is None
        assert record_of(result).status is EventStatus.EXPIRED
        assert "events.maximum_age" in record_of(result).summary
        assert own.accepted_orders("DU1") == []
        (shown,) = await read_statuses(own.client, "DU1")
        assert (shown.phase, shown.mode) == ("expired", "rebalance")
        assert shown.last_event == record_of(result)
    assert "event event-1: not traded" in caplog.text


async def test_a_live_event_within_the_maximum_age_is_traded() -> None:
    async with house({"DU1": Holding()}) as own:
        result = await (await own.trigger("DU1", at=ago(DAY - HOUR))).result()
        assert record_of(result).status is EventStatus.COMPLETED
        assert len(own.accepted_orders("DU1")) == 3


async def test_an_old_dry_run_is_carried_out_because_it_trades_nothing() -> None:
    async with house({"DU1": Holding()}) as own:
        result = await (await own.trigger("DU1", mode=ExecutionMode.DRY_RUN, at=ago(3 * DAY))).result()
        assert record_of(result).status is EventStatus.COMPLETED


async def test_an_event_that_grew_old_while_no_worker_was_up_is_not_traded() -> None:
    async with house({"DU1": Holding()}, settings=good_for(0.2), workers=0) as own:
        handle = await own.trigger("DU1")
        await asyncio.sleep(0.3)
        async with own.working():
            assert record_of(await handle.result()).status is EventStatus.EXPIRED
        assert own.accepted_orders("DU1") == []


async def test_an_event_sent_by_hand_without_a_time_grows_old_from_when_it_was_sent() -> None:
    async with house({"DU1": Holding()}, settings=good_for(0.2), workers=0) as own:
        handle = await own.client.start_workflow(
            RebalanceAccount.run,
            RunInput(account="DU1"),
            id="rebalance-DU1",
            task_queue="rebalances",
            start_signal="trigger",
            start_signal_args=[{"event_id": "by-hand", "mode": "rebalance"}],
        )
        await asyncio.sleep(0.3)
        async with own.working():
            assert record_of(await handle.result(), "by-hand").status is EventStatus.EXPIRED
        assert own.accepted_orders("DU1") == []


async def test_an_old_event_that_reaches_a_waiting_run_does_not_join_it() -> None:
    async with house({"DU1": Holding()}, settings=waiting_at_most(20), **CLOSED) as own:
        handle = await own.trigger("DU1", "fresh")
        await phase_reached(handle, Phase.WAITING_FOR_MARKET)
        await own.trigger("DU1", "old", at=ago(2 * DAY))
        while (found := (await handle.query(RebalanceAccount.status)).events.find("old")) is None:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        assert found.status is EventStatus.EXPIRED
        await handle.cancel()
        await asyncio.gather(handle.result(), return_exceptions=True)


async def test_an_old_event_does_not_keep_a_fresh_one_from_being_traded() -> None:
    async with house({"DU1": Holding()}, workers=0) as own:
        await own.trigger("DU1", "old", at=ago(2 * DAY))
        handle = await own.trigger("DU1", "fresh")
        async with own.working():
            result = await handle.result()
        assert result.outcome is not None
        assert result.outcome.event_ids == ("fresh",)
        assert record_of(result, "old").status is EventStatus.EXPIRED


async def test_an_event_older_than_the_server_keeps_closed_runs_is_too_old_whatever_is_configured() -> None:
    """A day is what this server keeps them: the run that carried the event out may be forgotten already."""
    async with house({"DU1": Holding()}, settings=good_for(20 * 86_400)) as own:
        result = await (await own.trigger("DU1", at=ago(DAY + HOUR))).result()
        assert record_of(result).status is EventStatus.EXPIRED
        assert own.accepted_orders("DU1") == []


async def test_nobody_asks_in_the_future() -> None:
    """Such an event would never grow old, and a hundred of them would make every real one look forgotten."""
    async with house({"DU1": Holding()}) as own:
        result = await (await own.trigger("DU1", at=ago(-3000 * DAY))).result()
        assert record_of(result).requested_at < ago(-HOUR)


async def test_an_expired_event_that_is_published_anew_under_its_id_is_traded() -> None:
    async with house({"DU1": Holding()}) as own:
        await (await own.trigger("DU1", at=ago(2 * DAY))).result()
        again = await (await own.trigger("DU1", at=ago(2 * DAY))).result()
        assert own.accepted_orders("DU1") == []
        assert again.outcome is None
        anew = await (await own.trigger("DU1")).result()
        assert record_of(anew).status is EventStatus.COMPLETED
        assert len(own.accepted_orders("DU1")) == 3
