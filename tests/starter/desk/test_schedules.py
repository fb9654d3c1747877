"""Schedules at the desk: what is refused, when they come, and what keeps them from coming.

The calendar is the real server's own: it is asked for the times of a schedule in weeks in which the clocks change.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.workflowservice.v1 import ListScheduleMatchingTimesRequest
from temporalio.client import (
    Client,
    Schedule,
    ScheduleIntervalSpec,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)

from contract.schedules import ScheduledRequest
from rebalancing.errors import AccountUnknown, StrategyUnknown
from rebalancing.triggers import ExecutionMode
from starter.desk import schedules
from starter.desk.schedules import (
    NewSchedule,
    ScheduleRefused,
    ScheduleStanding,
    ScheduleUnknown,
    add_schedule,
    pause_schedule,
    read_schedule,
    read_schedules,
    remove_schedule,
    unpause_schedule,
)
from testbed.temporal_server import temporal_server
from testbed.waiting import until
from tests.house import Holding, configuration

ACCOUNTS = configuration({"DU1": Holding(), "DU2": Holding(more={"enabled": False, "strategy_name": "left"})})
NEW_YORK = "America/New_York"


def new(cron: str = "30 10 * * MON", timezone: str = NEW_YORK, name: str = "weekly", **request: Any) -> NewSchedule:
    """A schedule to add, for DU1 where nothing else is said."""
    asked = ScheduledRequest.model_validate({"schedule": name, **(request or {"account": "DU1"})})
    return NewSchedule(request=asked, cron=cron, timezone=timezone)


async def add(client: Client, asked: NewSchedule) -> ScheduleStanding:
    """Add it."""
    return await add_schedule(client, ACCOUNTS, asked, "a test")


async def times_between(client: Client, name: str, first: str, last: str) -> list[datetime]:
    """When a schedule comes from the first day to the last, by the server; in UTC."""
    start, end = Timestamp(), Timestamp()
    start.FromJsonString(f"{first}T00:00:00Z")
    end.FromJsonString(f"{last}T00:00:00Z")
    request = ListScheduleMatchingTimesRequest(
        namespace=client.namespace, schedule_id=name, start_time=start, end_time=end
    )
    answer = await client.workflow_service.list_schedule_matching_times(request)
    return [at.ToDatetime(tzinfo=UTC) for at in answer.start_time]


async def every_second(client: Client, name: str) -> None:
    """Let a schedule come every second: a test cannot wait for a minute."""

    def quickly(now: ScheduleUpdateInput) -> ScheduleUpdate:
        schedule: Schedule = now.description.schedule
        schedule.spec = ScheduleSpec(intervals=[ScheduleIntervalSpec(every=timedelta(seconds=1))])
        return ScheduleUpdate(schedule)

    await client.get_schedule_handle(name).update(quickly)


async def has_come(client: Client, name: str, at_least: int) -> None:
    """Return once the schedule has come, or was skipped, so many times."""

    async def often_enough() -> bool:
        standing = await read_schedule(client, name)
        return standing.started + standing.skipped >= at_least

    await until(often_enough)


async def test_the_hour_of_a_schedule_stays_the_same_when_the_clocks_change() -> None:
    async with temporal_server() as server:
        await add(server.client, new())
        spring = await times_between(server.client, "weekly", "2027-03-01", "2027-03-31")
        autumn = await times_between(server.client, "weekly", "2027-10-25", "2027-11-20")
        for at in (*spring, *autumn):
            assert f"{at.astimezone(ZoneInfo(NEW_YORK)):%a %H:%M}" == "Mon 10:30"
        assert [at.hour for at in spring] == [15, 15, 14, 14, 14]
        assert [at.hour for at in autumn] == [14, 14, 15, 15]


async def test_an_hour_that_there_is_not_is_left_out_and_one_that_there_is_twice_comes_twice() -> None:
    async with temporal_server() as server:
        await add(server.client, new("30 2 * * *", name="gap"))
        await add(server.client, new("30 1 * * *", name="fold"))
        gap = await times_between(server.client, "gap", "2027-03-13", "2027-03-16")
        fold = await times_between(server.client, "fold", "2027-11-07", "2027-11-08")
        assert [at.day for at in gap] == [13, 15]
        assert [f"{at:%d %H:%M}" for at in fold] == ["07 05:30", "07 06:30"]


@pytest.mark.parametrize(
    ("asked", "refusal", "words"),
    [
        (new("30 10 * *"), ScheduleRefused, "five fields"),
        (new("@every 1s"), ScheduleRefused, "five fields"),
        (new("CRON_TZ=UTC 30 10 * * MON"), ScheduleRefused, "five fields"),
        (new("99 10 * * MON"), ScheduleRefused, "Minute is not in range"),
        (new("30 10 * * FOO"), ScheduleRefused, "DayOfWeek is not in range"),
        (new("30 10 31 2 *"), ScheduleRefused, "never comes"),
        (new("*/5 * * * *"), ScheduleRefused, "once an hour is the most"),
        (new("0,20,40 9-17 * * *"), ScheduleRefused, "once an hour is the most"),
        (new(timezone="Mars/Olympus"), ScheduleRefused, "no time zone"),
        (new(timezone="Local"), ScheduleRefused, "no time zone"),
        (new(timezone=""), ScheduleRefused, "no time zone"),
        (new(timezone="../etc/passwd"), ScheduleRefused, "no time zone"),
        (new(account="DU9"), AccountUnknown, "DU9 is not in the configuration"),
        (new(account="DU2"), AccountUnknown, "switched off"),
        (new(strategy="nobody"), StrategyUnknown, "test-strategy"),
        (new(strategy="left"), StrategyUnknown, "No enabled account"),
    ],
)
async def test_what_cannot_come_is_refused_in_one_line_and_nothing_is_left(
    asked: NewSchedule, refusal: type[Exception], words: str
) -> None:
    async with temporal_server() as server:
        with pytest.raises(refusal, match=words) as told:
            await add(server.client, asked)
        assert "\n" not in str(told.value)
        with pytest.raises(ScheduleUnknown):
            await read_schedule(server.client, "weekly")


async def test_once_an_hour_and_twice_within_one_are_often_enough() -> None:
    async with temporal_server() as server:
        assert (await add(server.client, new("0 * * * *"))).next_times
        assert (await add(server.client, new("0,30 10 * * *", name="two"))).next_times


async def test_a_name_is_taken_once_and_what_is_not_there_is_said_to_be_unknown() -> None:
    async with temporal_server() as server:
        client = server.client
        added = await add(client, new(strategy="test-strategy", mode=ExecutionMode.REBALANCE, if_drift="2.5"))
        assert (added.whom, added.does) == ("strategy test-strategy", "rebalance if drift > 2.5 %")
        assert (added.cron, added.timezone, added.note) == ("30 10 * * MON", NEW_YORK, "added by a test")
        with pytest.raises(ScheduleRefused, match="already"):
            await add(client, new())
        assert (await read_schedule(client, "weekly")).request == added.request
        for name in ("other", "no name"):
            for unknown in (read_schedule(client, name), remove_schedule(client, name)):
                with pytest.raises(ScheduleUnknown, match=name):
                    await unknown
            for unknown in (pause_schedule(client, name, ""), unpause_schedule(client, name, "")):
                with pytest.raises(ScheduleUnknown, match=name):
                    await unknown


async def test_schedules_of_others_are_neither_listed_nor_removed() -> None:
    async with temporal_server() as server:
        client = server.client
        await add(client, new())
        ours = await client.get_schedule_handle("weekly").describe()
        ours.schedule.action.workflow = "SomebodyElses"  # pyright: ignore[reportAttributeAccessIssue]
        await client.create_schedule("theirs", ours.schedule)

        async def both_are_listed() -> bool:
            return len([each async for each in await client.list_schedules()]) == 2

        await until(both_are_listed)
        assert [standing.name for standing in await read_schedules(client)] == ["weekly"]
        with pytest.raises(ScheduleUnknown, match="none of ours"):
            await remove_schedule(client, "theirs")


async def test_what_is_paused_or_removed_does_not_come() -> None:
    async with temporal_server() as server:
        client = server.client
        for name in ("paused", "removed", "going-on"):
            await add(client, new(name=name))
        await pause_schedule(client, "paused", "a holiday")
        await remove_schedule(client, "removed")
        await every_second(client, "paused")
        await every_second(client, "going-on")
        await has_come(client, "going-on", 3)
        paused = await read_schedule(client, "paused")
        assert (paused.is_paused, paused.note, paused.next_times) == (True, "a holiday", ())
        assert (paused.started, paused.skipped, paused.missed) == (0, 0, 0)
        with pytest.raises(ScheduleUnknown):
            await read_schedule(client, "removed")
        begun = [run.id async for run in client.list_workflows()]
        assert all(workflow.startswith("schedule-going-on-") for workflow in begun)
        await unpause_schedule(client, "paused", "it is over")
        await has_come(client, "paused", 1)


async def test_times_that_passed_while_the_server_was_away_are_missed_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedules, "CATCH_UP", timedelta(seconds=10))  # the least that a server takes
    database = tmp_path / "temporal.db"
    async with temporal_server(database=database) as server:
        await add(server.client, new())
        await every_second(server.client, "weekly")
        await has_come(server.client, "weekly", 1)
    away_since = datetime.now(UTC)
    await until(lambda: datetime.now(UTC) - away_since > timedelta(seconds=14))
    async with temporal_server(database=database) as server:

        async def is_told() -> bool:
            return (await read_schedule(server.client, "weekly")).missed > 0

        await until(is_told)
        standing = await read_schedule(server.client, "weekly")
        assert standing.as_json()["missed"] == standing.missed
        assert standing.started == 1  # its workflow waits for a worker, and the next ones are skipped


async def test_a_schedule_does_not_come_before_its_times_are_known_to_be_allowed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever adds it may be killed in between: what comes each minute must not be left behind, trading."""

    def killed(_times: object) -> str:
        raise KeyboardInterrupt

    async with temporal_server() as server:
        with monkeypatch.context() as patch:
            patch.setattr(schedules, "_impossible", killed)
            with pytest.raises(KeyboardInterrupt):
                await add(server.client, new("* * * * *"))
        assert (await read_schedule(server.client, "weekly")).is_paused
        await remove_schedule(server.client, "weekly")
        added = await add(server.client, new())
        assert not added.is_paused
        assert added.note == "added by a test"
        assert len(added.next_times) == 10
