"""States of a real installation: told when they begin, told when they are over, and not again and again."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from rebalancing.alerts import AlertKind
from simulator.gateway.server import SimulatedGateway
from starter.ably.channel_records import ChannelRecord, ChannelRecords
from starter.alerts.outbox import Outbox
from starter.alerts.record import AlertRecord
from starter.alerts.schedule_alerts import missed_since
from testbed.addresses import connections_of, gateway_at
from testbed.waiting import until
from tests.alert_receiver import Receiver, listening
from tests.house import Holding, house, scenario
from tests.starter.alerts.watched import configure, watching
from worker.free_ports import free_port

INSTANTLY = 0.001


async def test_a_gateway_that_is_away_is_told_and_so_is_its_return(monkeypatch: pytest.MonkeyPatch) -> None:
    accounts, port = {"DU1": Holding()}, free_port()
    async with listening(Receiver()) as phone, house(accounts, workers=0) as own:
        own.connections = connections_of(gateway_at(port))
        configure(own, monkeypatch, {"phone": phone}, gateway_away_minutes=INSTANTLY)
        async with own.working(), watching(own, watches=2):
            await until(lambda: phone.titles)
            async with SimulatedGateway(scenario(accounts), port):
                await until(lambda: len(phone.titles) == 2)
    assert phone.titles[0].startswith("The gateway is away since ")
    assert phone.titles[1] == "The gateway is back"
    assert "Nothing listens at" in phone.texts[0] or "Reason: " in phone.texts[0]
    assert "Do this: start IB Gateway or log in" in phone.texts[0]


async def test_one_that_comes_and_goes_is_told_no_more_often_than_is_useful(monkeypatch: pytest.MonkeyPatch) -> None:
    accounts, port = {"DU1": Holding()}, free_port()
    async with listening(Receiver()) as phone, house(accounts, workers=0) as own:
        own.connections = connections_of(gateway_at(port))
        configure(own, monkeypatch, {"phone": phone}, gateway_away_minutes=INSTANTLY, quiet_minutes=60)
        async with own.working(), watching(own):
            for _ in range(3):
                async with SimulatedGateway(scenario(accounts), port) as gateway:
                    await until(lambda gateway=gateway: gateway.requests)
            outbox = Outbox(own.client, own.in_use)
            await until(outbox.running)
    assert len(phone.titles) <= 2


async def test_a_rebalance_that_takes_longer_than_expected_is_told_and_so_is_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with listening(Receiver()) as phone, house({"DU1": Holding()}, latency={"fill": (600, 601)}) as own:
        configure(own, monkeypatch, {"phone": phone}, {"phone": ["slow", "slow_over"]}, slower_than=0.5)
        async with watching(own, watches=2):
            handle = await own.trigger("DU1")
            await until(lambda: phone.titles)
            await handle.cancel()
            await until(lambda: len(phone.titles) == 2)
    assert phone.titles == [
        "DU1: the rebalance is slower than expected",
        "DU1: the slow rebalance is over or waits",
    ]
    assert re.match(r"It is \w+, and has been at work since ", phone.texts[0])


async def test_the_end_of_the_login_is_told_once_ahead_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    soon = datetime.now(UTC) + timedelta(hours=2)
    ends = f"{soon:%a} {soon:%H:%M} UTC".upper()
    async with listening(Receiver()) as phone, house({"DU1": Holding()}) as own:
        configure(own, monkeypatch, {"phone": phone}, gateway_login_ends=ends, warn_before_hours=1)
        async with watching(own):
            assert phone.titles == []
            configure(own, monkeypatch, {"phone": phone}, gateway_login_ends=ends, warn_before_hours=3)
            await until(lambda: phone.titles)
        async with watching(own, watches=2):
            await until(lambda: phone.titles)
    assert phone.titles == [f"The gateway's login ends at {soon:%Y-%m-%d %H:%M} UTC"]


async def test_a_silent_channel_is_told_and_so_is_the_next_event(monkeypatch: pytest.MonkeyPatch) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=50)
    async with listening(Receiver()) as mail, house({"DU1": Holding()}) as own:
        records = ChannelRecords(own.client)
        await records.establish("test-strategy", long_ago)
        configure(own, monkeypatch, {"mail": mail}, {"mail": ["no_event", "event_again"]}, no_event_days=40)
        async with watching(own):
            await until(lambda: mail.titles)
            now = datetime.now(UTC)
            await records.note("test-strategy", ChannelRecord(born=long_ago, read_to=now, newest=now))
            await until(lambda: len(mail.titles) == 2)
    assert mail.titles[0].startswith("No event on channel test-strategy since ")
    assert mail.titles[1] == "An event came on channel test-strategy"


async def test_what_was_missed_before_is_remembered_and_only_what_came_since_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with house({"DU1": Holding()}) as own:
        record = AlertRecord(own.client)
        assert await record.born() is None
        born = await record.establish({"monthly": 3})
        assert await record.establish({"monthly": 9}) == born
        assert await record.missed() == {"monthly": 3}
        await record.note({"monthly": 4, "weekly": 1})
        assert await AlertRecord(own.client).missed() == {"monthly": 4, "weekly": 1}


def test_a_schedule_that_was_missed_is_told_by_how_often_it_was() -> None:
    at = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
    known = {"monthly": 3, "weekly": 1}
    told = list(missed_since(known, {"monthly": 4, "weekly": 1, "new": 1, "never": 0}, at))
    assert [alert.alert_id for alert in told] == ["alert-schedule_missed-monthly-4", "alert-schedule_missed-new-1"]
    assert told[0].kind is AlertKind.SCHEDULE_MISSED
    assert (told[0].subject, told[0].detail) == ("monthly", "4")
