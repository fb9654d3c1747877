"""What only a person can put right is told: an order of unknown fate, a schedule that was missed or failed."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from activities.gateway import order_desk
from rebalancing.outcomes import Phase
from simulator.gateway.faults import FaultMatch, FaultRule
from starter.desk import schedules
from starter.desk.schedules import read_schedule
from testbed.temporal_server import temporal_server
from testbed.waiting import until
from tests.alert_receiver import Receiver, listening
from tests.house import Holding, failure_of, house, phase_reached
from tests.starter.alerts.test_watch import everything_told
from tests.starter.alerts.watched import configure, watching
from tests.starter.desk.test_schedules import every_second, has_come
from tests.workflows.test_scheduled_rebalance import run_of, scheduled, started
from workflows.rebalance_account import RebalanceAccount


async def test_an_order_of_unknown_fate_is_told_once_with_the_command_that_resolves_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(order_desk, "ACKNOWLEDGE_TIMEOUT", 0.5)
    async with listening(Receiver()) as phone, house({"DU1": Holding(weights={"BND": "1"})}) as own:
        configure(own, monkeypatch, {"phone": phone}, {"phone": "urgent"})
        own.gateway.add_fault(FaultRule(action="swallow", match=FaultMatch(request="placeOrder", symbol="BND")))
        async with watching(own, watches=2):
            handle = await own.trigger("DU1")
            await phase_reached(handle, Phase.NEEDS_OPERATOR)
            await until(lambda: phone.titles)
            await everything_told(own)
            (order,) = (await handle.query(RebalanceAccount.status)).orders
    assert phone.titles == ["DU1: an order's fate is unknown, the rebalance waits for you"]
    assert f"Look in TWS what became of {order.ref}." in phone.texts[0]
    assert f"Do this: rebalancer resolve DU1 {order.ref} --filled N, or --not-placed" in phone.texts[0]


async def test_a_schedule_whose_time_passed_while_the_server_was_away_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedules, "CATCH_UP", timedelta(seconds=10))  # the least that a server takes
    database = tmp_path / "temporal.db"
    async with listening(Receiver()) as phone:
        receivers = {"phone": phone}
        async with temporal_server(database=database) as server, house({"DU1": Holding()}, temporal=server) as own:
            configure(own, monkeypatch, receivers, {"phone": ["schedule_missed"]})
            await scheduled(own, account="DU1")
            await every_second(own.client, "weekly")
            async with watching(own):
                await has_come(own.client, "weekly", 1)
        away_since = datetime.now(UTC)
        await until(lambda: datetime.now(UTC) - away_since > timedelta(seconds=14))
        assert phone.titles == []
        async with temporal_server(database=database) as server, house({"DU1": Holding()}, temporal=server) as own:
            configure(own, monkeypatch, receivers, {"phone": ["schedule_missed"]})
            async with watching(own, watches=2):
                await until(lambda: phone.titles)
                await everything_told(own)
            missed = (await read_schedule(own.client, "weekly")).missed
    assert phone.titles == ["Schedule weekly was missed"]
    assert f"Missed so far: {missed}." in phone.texts[0]
    assert "rebalancer run ACCOUNT if it should still be done" in phone.texts[0]


async def test_a_schedule_that_could_not_be_carried_out_is_told_once_with_the_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    accounts = {"DU2": Holding(weights={"NOSUCH": "1"})}
    async with listening(Receiver()) as phone, house(accounts) as own:
        configure(own, monkeypatch, {"phone": phone}, {"phone": ["schedule_failed"]})
        async with watching(own, watches=2):
            schedule = await scheduled(own, strategy="test-strategy", if_drift="2.5")
            await schedule.trigger()
            (run,) = await started(own, 1)
            await failure_of(run_of(own, run))
            await until(lambda: phone.titles)
            await everything_told(own)
        async with watching(own):
            await everything_told(own)
    assert phone.titles == ["Schedule weekly was not carried out, or not whole (ScheduleIncomplete)"]
    assert "Triggered: none. Not triggered, as their drift is unknown: DU2: " in phone.texts[0]
    assert "Do this: rebalancer schedule list says " in phone.texts[0]
