"""A schedule's time comes: each account that it is for is triggered once, whatever happens (promises P1 and P2).

On the real server; times of the past are had by backfilling, which starts what a schedule starts for a time.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from temporalio.client import (
    ScheduleBackfill,
    ScheduleHandle,
    ScheduleOverlapPolicy,
    WorkflowExecution,
    WorkflowExecutionStatus,
    WorkflowHandle,
)
from temporalio.common import SearchAttributePair, TypedSearchAttributes

from contract.names import REBALANCES_QUEUE
from contract.schedules import SCHEDULED_WORKFLOW_TYPE, ScheduledRequest, ScheduledResult
from rebalancing.outcomes import Phase
from rebalancing.settings import Settings
from rebalancing.triggers import EventRecord, EventStatus, ExecutionMode
from starter.desk.schedules import NewSchedule, add_schedule, read_schedule
from testbed.background import in_background
from testbed.waiting import until
from tests.house import Holding, House, failure_of, house, phase_reached, quick_settings
from tests.workflows.skipped_time import house_of_skipped_time
from worker.workers import run_workers
from workflows.scheduled_rebalance import SCHEDULED_TIME, ScheduledRebalance

LIVE, DRY_RUN = ExecutionMode.REBALANCE, ExecutionMode.DRY_RUN
PAST = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)
"""The beginning of an hour that is over."""

YEARLY = f"0 0 {PAST.day} {PAST.month} *"
EVERY_TEN_MINUTES = f"*/10 {PAST.hour} {PAST.day} {PAST.month} *"
"""In that hour alone, so that no time comes by itself during a test."""


async def scheduled(own: House, cron: str = YEARLY, **request: Any) -> ScheduleHandle:
    """A schedule by the name of ``weekly``."""
    asked = ScheduledRequest.model_validate({"schedule": "weekly", "mode": LIVE, **request})
    new = NewSchedule(request=asked, cron=cron, timezone="UTC")
    await add_schedule(own.client, own.configuration, new, "a test")
    return own.client.get_schedule_handle("weekly")


async def started(own: House, count: int) -> list[WorkflowExecution]:
    """What schedules have started, once it is so many."""

    runs: list[WorkflowExecution] = []

    async def are_listed() -> bool:
        runs[:] = [run async for run in own.client.list_workflows(f"WorkflowType = '{SCHEDULED_WORKFLOW_TYPE}'")]
        return len(runs) >= count

    await until(are_listed)
    assert len(runs) == count
    return runs


def run_of(own: House, run: WorkflowExecution) -> WorkflowHandle[Any, ScheduledResult]:
    """One time of a schedule."""
    return own.client.get_workflow_handle_for(ScheduledRebalance.run, run.id, run_id=run.run_id)


async def came(own: House, schedule: ScheduleHandle) -> ScheduledResult:
    """Let its time come now; the result."""
    await schedule.trigger(overlap=ScheduleOverlapPolicy.ALLOW_ALL)
    (run,) = await started(own, 1)
    return await run_of(own, run).result()


async def events(own: House, account: str = "DU1") -> list[EventRecord]:
    """What the account remembers once it is at rest."""
    await own.handle(account).result()
    return list((await own.remembered(account)).records)


async def test_it_triggers_its_account_by_an_id_made_of_schedule_and_time() -> None:
    async with house({"DU1": Holding()}) as own:
        result = await came(own, await scheduled(own, account="DU1"))
        (event,) = await events(own)
        assert result.triggered == ("DU1",)
        assert (event.event_id, event.mode, event.status) == (result.event_id, LIVE, EventStatus.COMPLETED)
        assert event.event_id == f"schedule-weekly-{event.requested_at:%Y-%m-%dT%H:%M:%SZ}"
        assert own.accepted_orders("DU1")
        last = (await read_schedule(own.client, "weekly")).last
        assert last is not None
        assert (last.status, last.told) == ("completed", "triggered: DU1")


async def test_without_the_word_live_it_is_a_dry_run() -> None:
    async with house({"DU1": Holding()}) as own:
        asked = ScheduledRequest(schedule="weekly", account="DU1")
        await add_schedule(
            own.client, own.configuration, NewSchedule(request=asked, cron=YEARLY, timezone="UTC"), "a test"
        )
        await came(own, own.client.get_schedule_handle("weekly"))
        (event,) = await events(own)
        assert event.mode is DRY_RUN
        assert own.accepted_orders("DU1") == []


async def test_the_same_time_that_comes_twice_trades_once() -> None:
    async with house({"DU1": Holding()}) as own:
        schedule = await scheduled(own, EVERY_TEN_MINUTES, account="DU1")
        again = ScheduleBackfill(
            start_at=PAST - timedelta(seconds=1), end_at=PAST, overlap=ScheduleOverlapPolicy.ALLOW_ALL
        )
        results: list[ScheduledResult] = []
        for count in (1, 2):
            await schedule.backfill(again)
            for run in await started(own, count):
                results.append(await run_of(own, run).result())
            await own.handle("DU1").result()
        assert len({result.event_id for result in results}) == 1
        assert [event.event_id for event in await events(own)] == [results[0].event_id]
        assert len(own.accepted_orders("DU1")) == 3


async def test_an_account_that_is_running_gets_one_follow_up_and_no_doubled_trade() -> None:
    async with house({"DU1": Holding()}, latency={"fill": (0.5, 0.5)}) as own:
        handle = await own.trigger("DU1")
        await phase_reached(handle, Phase.BUYING)
        schedule = await scheduled(own, account="DU1")
        await came(own, schedule)
        found = await events(own)
        assert [event.status for event in found] == [EventStatus.COMPLETED] * 2
        runs = [run async for run in own.client.list_workflows("WorkflowId = 'rebalance-DU1'")]
        assert len(runs) == 2
        assert len(own.accepted_orders("DU1")) == 3


async def test_after_an_hour_without_a_worker_it_trades_once_and_says_what_it_skipped() -> None:
    async with house({"DU1": Holding()}, workers=0) as own:
        schedule = await scheduled(own, EVERY_TEN_MINUTES, account="DU1")
        await schedule.backfill(
            ScheduleBackfill(
                start_at=PAST - timedelta(seconds=1),
                end_at=PAST + timedelta(minutes=59),
                overlap=ScheduleOverlapPolicy.SKIP,
            )
        )
        (run,) = await started(own, 1)
        async with own.working():
            await run_of(own, run).result()
            (event,) = await events(own)
        standing = await read_schedule(own.client, "weekly")
        assert standing.skipped == 5
        assert event.status is EventStatus.COMPLETED
        assert event.requested_at == PAST
        assert len(own.accepted_orders("DU1")) == 3


async def test_one_that_comes_too_late_expires() -> None:
    settings = Settings.model_validate({**quick_settings().model_dump(), "events": {"maximum_age": 600}})
    async with house({"DU1": Holding()}, settings=settings) as own:
        schedule = await scheduled(own, EVERY_TEN_MINUTES, account="DU1")
        await schedule.backfill(ScheduleBackfill(start_at=PAST - timedelta(seconds=1), end_at=PAST))
        (run,) = await started(own, 1)
        await run_of(own, run).result()
        (event,) = await events(own)
        assert event.status is EventStatus.EXPIRED
        assert own.accepted_orders("DU1") == []


async def test_a_strategy_is_expanded_when_its_time_comes() -> None:
    accounts = {"DU1": Holding(), "DU2": Holding(), "DU3": Holding(more={"strategy_name": "other"})}
    async with house(accounts) as own:
        schedule = await scheduled(own, strategy="test-strategy")
        followed = own.configuration.accounts
        joining = followed[2].model_copy(update={"strategy_name": "test-strategy"})
        leaving = followed[0].model_copy(update={"enabled": False})
        own.in_use.use(own.configuration.model_copy(update={"accounts": (leaving, followed[1], joining)}))
        result = await came(own, schedule)
        assert result.triggered == ("DU2", "DU3")
        for account in result.triggered:
            assert [event.event_id for event in await events(own, account)] == [result.event_id]
        assert own.accepted_orders("DU1") == []


async def test_an_account_that_was_switched_off_since_is_told_and_not_triggered() -> None:
    async with house({"DU1": Holding()}) as own:
        schedule = await scheduled(own, account="DU1")
        off = own.configuration.accounts[0].model_copy(update={"enabled": False})
        own.in_use.use(own.configuration.model_copy(update={"accounts": (off,)}))
        await schedule.trigger()
        (run,) = await started(own, 1)
        failure = await failure_of(run_of(own, run))
        assert failure.type == "AccountUnknown"
        last = (await read_schedule(own.client, "weekly")).last
        assert last is not None
        assert "switched off" in last.told
        assert [run async for run in own.client.list_workflows("WorkflowId = 'rebalance-DU1'")] == []


@pytest.mark.parametrize(("band", "trades"), [("2.5", True), ("100", False)])
async def test_only_what_has_drifted_beyond_the_band_is_traded(band: str, trades: bool) -> None:
    async with house({"DU1": Holding()}) as own:
        result = await came(own, await scheduled(own, account="DU1", if_drift=Decimal(band)))
        found = await events(own)
        assert result.drifts["DU1"] > 90
        assert result.triggered == (("DU1",) if trades else ())
        dry_run = (f"{result.event_id}-drift", DRY_RUN)
        live = [(result.event_id, LIVE)] if trades else []
        assert [(event.event_id, event.mode) for event in found] == [dry_run, *live]
        assert bool(own.accepted_orders("DU1")) is trades


async def test_a_drift_schedule_that_is_a_dry_run_only_measures() -> None:
    async with house({"DU1": Holding()}) as own:
        result = await came(own, await scheduled(own, account="DU1", mode=DRY_RUN, if_drift=Decimal("2.5")))
        assert (result.triggered, len(await events(own))) == ((), 1)
        assert own.accepted_orders("DU1") == []


async def test_the_drift_is_that_after_a_run_that_is_under_way() -> None:
    async with house({"DU1": Holding()}, latency={"fill": (0.5, 0.5)}) as own:
        handle = await own.trigger("DU1")
        await phase_reached(handle, Phase.BUYING)
        result = await came(own, await scheduled(own, account="DU1", if_drift=Decimal("2.5")))
        assert result.drifts["DU1"] < Decimal("2.5")
        assert result.triggered == ()
        assert len(own.accepted_orders("DU1")) == 3


async def test_an_account_whose_drift_is_unknown_is_told_and_the_others_are_traded() -> None:
    async with house({"DU1": Holding(), "DU2": Holding(weights={"NOSUCH": "1"})}) as own:
        schedule = await scheduled(own, strategy="test-strategy", if_drift=Decimal("2.5"))
        await schedule.trigger()
        (run,) = await started(own, 1)
        failure = await failure_of(run_of(own, run))
        assert failure.type == "ScheduleIncomplete"
        assert "Triggered: DU1." in failure.message
        assert "DU2: its dry run failed" in failure.message
        assert own.accepted_orders("DU2") == []
        await own.handle("DU1").result()
        assert len(own.accepted_orders("DU1")) == 3


async def test_an_account_whose_gateway_nobody_serves_is_not_asked_for_ever() -> None:
    async with (
        house_of_skipped_time({"DU1": Holding(more={"gateway": "east"})}, workers=0) as own,
        in_background(run_workers(own.client, own.in_use, own.connections, (None,))),
    ):
        run = await own.client.start_workflow(
            ScheduledRebalance.run,
            ScheduledRequest(schedule="weekly", account="DU1", mode=LIVE, if_drift=Decimal("2.5")),
            id="schedule-weekly-1",
            task_queue=REBALANCES_QUEUE,
            search_attributes=TypedSearchAttributes([SearchAttributePair(SCHEDULED_TIME, datetime.now(UTC))]),
        )
        failure = await failure_of(run)
        assert failure.type == "ScheduleIncomplete"
        assert "not over within 1:00:00" in failure.message
        assert own.accepted_orders("DU1") == []


async def test_what_no_schedule_started_triggers_nothing() -> None:
    async with house({"DU1": Holding()}) as own:
        handle = await own.client.start_workflow(
            ScheduledRebalance.run,
            ScheduledRequest(schedule="weekly", account="DU1", mode=LIVE),
            id="schedule-weekly-by-hand",
            task_queue=REBALANCES_QUEUE,
        )
        assert (await failure_of(handle)).type == "NotScheduled"
        assert [run async for run in own.client.list_workflows("WorkflowId = 'rebalance-DU1'")] == []
        assert (await handle.describe()).status is WorkflowExecutionStatus.FAILED
