"""A run that finds the market closed sleeps until everything it must trade can trade, however far away that is."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

from rebalancing.market.trading_hours import on_the_clocks_of
from rebalancing.outcomes import Phase
from rebalancing.settings import Settings
from rebalancing.triggers import ExecutionMode
from tests.house import TRADING, Holding, failure_of, house, phase_reached, quick_settings, status_reached
from tests.workflows.skipped_time import house_of_skipped_time
from workflows.rebalance_account import RebalanceAccount

NEW_YORK, TOKYO, LONDON = ZoneInfo("America/New_York"), ZoneInfo("Asia/Tokyo"), ZoneInfo("Europe/London")
SPELLINGS = {NEW_YORK: "EST (Eastern Standard Time)", TOKYO: "Japan", LONDON: "GB-Eire"}
NOW = datetime.now(UTC).replace(second=0, microsecond=0)
"""Workflow time begins with the computer's clock: sessions are put around it."""


def hours(zone: ZoneInfo, *spans: tuple[float, float]) -> dict[str, Any]:
    """Sessions so many hours from now, as the gateway tells them in the zone of an exchange."""
    told = ";".join(
        "-".join((NOW + timedelta(hours=hour)).astimezone(zone).strftime("%Y%m%d:%H%M") for hour in span)
        for span in spans
    )
    return {"told_hours": {"time_zone": SPELLINGS[zone], "regular": told}}


def waiting_at_most(days: int) -> Settings:
    """Settings with this ``max_wait``."""
    return quick_settings().model_copy(update={"max_wait": days * 86_400})


def done(events: Iterable[HistoryEvent]) -> list[str]:
    """The activities that were scheduled, or carried out by the workflow's own worker, in order."""
    names: list[str] = []
    for event in events:
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
            names.append(event.activity_task_scheduled_event_attributes.activity_type.name)
        if event.event_type == EventType.EVENT_TYPE_MARKER_RECORDED:
            (told,) = event.marker_recorded_event_attributes.details["data"].payloads
            names.append(json.loads(told.data)["activity_type"])
    return names


QQQ_AND_BND = Holding(weights={"QQQ": "0.5", "BND": "0.5"})


async def test_the_run_wakes_when_both_exchanges_are_open_reads_everything_again_and_trades() -> None:
    """New York opens in 30 hours and is open for 6; London is open from now on for 2 hours, and from hour 33 on."""
    instruments = {"QQQ": hours(NEW_YORK, (30, 36)), "BND": hours(LONDON, (-1, 2), (33, 40))}
    async with house_of_skipped_time({"DU1": QQQ_AND_BND}, settings=waiting_at_most(5), instruments=instruments) as own:
        handle = await own.trigger("DU1")
        result = await handle.result()
        assert result.outcome is not None
        assert result.outcome.drift is not None
        assert result.outcome.drift < 2
        events = (await handle.fetch_history()).events
        waits = {
            number: event.timer_started_event_attributes.start_to_fire_timeout.ToTimedelta()
            for number, event in enumerate(events)
            if event.event_type == EventType.EVENT_TYPE_TIMER_STARTED
        }
        ((slept_from, longest),) = [each for each in waits.items() if each[1] > timedelta(minutes=1)]
        assert timedelta(hours=32) < longest <= timedelta(hours=33)
        assert done(events[slept_from:])[:3] == ["read_targets", "read_snapshot", "make_plan"]
        assert len(events) < 200, "a long wait must not fill the history"


async def test_what_it_waits_for_shows_in_the_phase_the_status_and_beside_the_timer() -> None:
    instruments = {"QQQ": hours(NEW_YORK, (30, 36))}
    async with house({"DU1": QQQ_AND_BND}, settings=waiting_at_most(5), instruments=instruments) as own:
        handle = await own.trigger("DU1")
        await phase_reached(handle, Phase.WAITING_FOR_MARKET)
        detail = (await handle.query(RebalanceAccount.status)).detail
        opens_at = NOW + timedelta(hours=30)
        assert detail == f"QQQ until {on_the_clocks_of([NEW_YORK.key], opens_at)}"
        listed = [run.id async for run in own.client.list_workflows("Phase = 'waiting for market'")]
        while not listed:
            listed = [run.id async for run in own.client.list_workflows("Phase = 'waiting for market'")]
        assert listed == ["rebalance-DU1"]
        timers = [
            event.user_metadata.summary.data.decode()
            for event in (await handle.fetch_history()).events
            if event.event_type == EventType.EVENT_TYPE_TIMER_STARTED
        ]
        assert f'"wait for ARCA to open, {on_the_clocks_of([NEW_YORK.key], opens_at)}, for QQQ"' in timers


async def test_an_account_that_does_not_wait_fails_at_once_and_says_when_it_could_trade() -> None:
    account = Holding(weights={"QQQ": "1"}, more={"market_closed": "fail"})
    instruments = {"QQQ": hours(NEW_YORK, (30, 36))}
    async with house({"DU1": account}, settings=waiting_at_most(5), instruments=instruments) as own:
        failure = await failure_of(await own.trigger("DU1"))
        assert failure.type == "MarketClosed"
        assert "QQQ" in failure.message
        assert f"from {on_the_clocks_of([NEW_YORK.key], NOW + timedelta(hours=30))}" in failure.message
        assert not [request for request in own.gateway.requests if request.name in TRADING]


@pytest.mark.parametrize(
    ("instruments", "error", "words"),
    [
        (
            {"QQQ": hours(NEW_YORK, (30, 36)), "BND": hours(TOKYO, (15, 21), (39, 45))},
            "NoCommonSession",
            "QQQ (ARCA) and BND (TSEJ)",
        ),
        ({"QQQ": hours(NEW_YORK, (-30, -24))}, "MarketClosed", "no coming session for QQQ"),
        ({"QQQ": {"told_hours": {"regular": "20261125:09:30-16:00"}}}, "HoursUnreadable", "QQQ (contract "),
        (
            {"QQQ": {"told_hours": {"time_zone": "Mars/Olympus", "regular": "20261125:0930-20261125:1600"}}},
            "HoursUnreadable",
            "Mars/Olympus",
        ),
        ({"QQQ": hours(NEW_YORK, (130, 136))}, "WaitedTooLong", "max_wait"),  # BND is told for 144 hours at least
    ],
    ids=["no common moment", "no coming session", "unreadable hours", "unknown zone", "too far away"],
)
async def test_a_market_that_cannot_be_waited_for_ends_the_run_before_any_trade(
    instruments: dict[str, dict[str, Any]], error: str, words: str
) -> None:
    if "BND" in instruments:
        instruments = {**instruments, "BND": {**instruments["BND"], "primary_exchange": "TSEJ"}}
    async with house({"DU1": QQQ_AND_BND}, settings=waiting_at_most(5), instruments=instruments) as own:
        failure = await failure_of(await own.trigger("DU1"))
        assert failure.type == error
        assert "DU1" in failure.message
        assert words in failure.message
        assert not [request for request in own.gateway.requests if request.name in TRADING]


async def test_hours_that_cannot_be_read_do_no_harm_to_a_symbol_that_is_not_traded() -> None:
    account = Holding(cash="1000", holdings={"QQQ": 100}, weights={"QQQ": "1"})
    instruments = {"QQQ": {"told_hours": {"regular": "sometimes"}}}
    async with house({"DU1": account}, settings=waiting_at_most(5), instruments=instruments) as own:
        result = await (await own.trigger("DU1")).result()
        assert result.outcome is not None
        assert own.accepted_orders("DU1") == []


async def test_a_newer_event_replaces_the_waiting_one_and_everything_is_read_again() -> None:
    instruments = {"QQQ": hours(NEW_YORK, (30, 36))}
    async with house({"DU1": QQQ_AND_BND}, settings=waiting_at_most(5), instruments=instruments) as own:
        handle = await own.trigger("DU1", "first")
        await phase_reached(handle, Phase.WAITING_FOR_MARKET)
        await own.trigger("DU1", "second")
        await status_reached(handle, lambda status: not status.pending_events)
        await phase_reached(handle, Phase.WAITING_FOR_MARKET)
        steps = done((await handle.fetch_history()).events)
        assert steps.count("read_targets") == steps.count("read_snapshot") == steps.count("make_plan") == 2
        assert not [request for request in own.gateway.requests if request.name in TRADING]


async def test_a_dry_run_outside_hours_uses_the_close_and_says_so() -> None:
    instruments = {"QQQ": {**hours(NEW_YORK, (30, 36)), "quote_fault": "closing", "last_close": "590.00"}}
    async with house({"DU1": QQQ_AND_BND}, settings=waiting_at_most(5), instruments=instruments) as own:
        result = await (await own.trigger("DU1", mode=ExecutionMode.DRY_RUN)).result()
        assert result.outcome is not None
        assert any("market is closed for QQQ" in note for note in result.outcome.notes)
        assert any("last trade or the last close: QQQ" in note for note in result.outcome.notes)
