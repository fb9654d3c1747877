"""Promise P2 across outages: the listener on a real Temporal server and the Ably stand-in, whose clock is moved."""

import asyncio
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from temporalio.client import Client
from temporalio.service import RPCError

from configuration.configuration import Configuration
from configuration.configuration_in_use import ConfigurationInUse
from simulator.ably import SimulatedAbly
from starter.ably.ably_settings import AblyTimings
from starter.ably.listener import listen
from testbed.addresses import ably_at, connections_of
from testbed.background import in_background
from testbed.temporal_server import temporal_server
from testbed.waiting import PATIENCE, until
from tests.starter.ably.ably_listening import MovableClock, soon
from tests.starter.ably.test_listener import configuration, triggers
from worker.free_ports import free_port
from worker.temporal import connect_embedded, embedded_server

KEY = "app.key:secret"
HOURS = 3_600_000
PERSISTED = 72 * HOURS
TIMINGS = AblyTimings(
    sweep_interval=600,
    ping_interval=0.1,
    request_timeout=2.0,
    reconnect_patience=0.3,
    close_timeout=0.3,
    backoff_base=0.05,
    backoff_maximum=0.2,
    refused_delay=0.1,
)
REBALANCE = {"execution": "rebalance"}
BLEND = configuration(DU1="blend")


@asynccontextmanager
async def listening(
    client: Client,
    ably: SimulatedAbly,
    followers: Configuration | ConfigurationInUse = BLEND,
    timings: AblyTimings = TIMINGS,
) -> AsyncGenerator[None]:
    """The listener, until it is cut off."""
    in_use = followers if isinstance(followers, ConfigurationInUse) else ConfigurationInUse(followers)
    async with in_background(listen(client, in_use, connections_of(ably_at(ably.port, KEY)), timings)):
        yield


async def ready(client: Client, ably: SimulatedAbly, channel: str = "blend") -> None:
    """The channel is attached and swept, so that Temporal knows it."""
    await known(client, channel)
    await soon(lambda: ably.attached(channel) > 0)
    await quiet(ably)


async def known(client: Client, channel: str = "blend") -> None:
    """Temporal knows the channel."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                await client.get_workflow_handle(f"channel-{channel}").describe()
            except (RPCError, RuntimeError):
                await asyncio.sleep(0.02)
            else:
                return


async def quiet(ably: SimulatedAbly) -> None:
    """Nothing has been asked of Ably for a while: the sweeps that were to come are over."""
    calm = 0
    while calm < 20:
        seen = len(ably.rest_requests)
        await asyncio.sleep(0.02)
        calm = calm + 1 if len(ably.rest_requests) == seen else 0


async def events(client: Client, account: str = "DU1") -> set[str]:
    """The events the account's workflow was sent."""
    try:
        return {trigger.event_id for trigger in await triggers(client, account)}
    except RPCError:
        return set()


async def until_sent(client: Client, wanted: set[str]) -> None:
    """Wait until all of these were sent."""

    async def are_sent() -> bool:
        return wanted <= await events(client)

    await until(are_sent)


async def test_no_event_of_a_persisted_channel_is_lost_in_outages_however_long(client: Client) -> None:
    clock = MovableClock()
    async with SimulatedAbly(KEY, retention_ms=PERSISTED, clock=clock) as ably:
        async with listening(client, ably):
            await ready(client, ably)
        published: set[str] = set()
        for outage in (150, 200, 20 * 3600):
            for n in range(10):
                ably.publish("blend", REBALANCE, id=f"{outage}-{n}")
                published.add(f"{outage}-{n}")
                clock.now += outage * 100
            async with listening(client, ably):
                await until_sent(client, published)
                await ready(client, ably)
        assert await events(client) == published


async def test_a_new_installation_carries_out_nothing_that_was_published_before_it(client: Client) -> None:
    clock = MovableClock()
    async with SimulatedAbly(KEY, retention_ms=PERSISTED, clock=clock) as ably:
        for age in (71 * HOURS, 3 * HOURS, 60_000, 1000):
            clock.now = -age
            ably.publish("blend", REBALANCE, id=f"old-{age}")
        clock.now = 0
        async with listening(client, ably):
            await ready(client, ably)
            ably.publish("blend", REBALANCE, id="new")
            await until_sent(client, {"new"})
        assert await events(client) == {"new"}


@pytest.mark.parametrize("offset", [-50 * HOURS, 50 * HOURS], ids=["ably is behind", "ably is ahead"])
async def test_only_ablys_clock_tells_what_was_published_before(client: Client, offset: int) -> None:
    clock = MovableClock()
    clock.now = offset
    async with SimulatedAbly(KEY, retention_ms=PERSISTED, clock=clock) as ably:
        ably.publish("blend", REBALANCE, id="old")
        clock.now += 5000
        async with listening(client, ably):
            await ready(client, ably)
        ably.publish("blend", REBALANCE, id="new")
        async with listening(client, ably):
            await until_sent(client, {"new"})
            await ready(client, ably)
        assert await events(client) == {"new"}


async def test_listeners_that_begin_at_once_agree_on_what_is_new(client: Client) -> None:
    async with SimulatedAbly(KEY, retention_ms=PERSISTED, clock=(clock := MovableClock())) as ably:
        ably.publish("blend", REBALANCE, id="old")
        clock.now += 5000
        async with listening(client, ably), listening(client, ably), listening(client, ably):
            await ready(client, ably)
            await soon(lambda: ably.attached("blend") == 3)
            ably.publish("blend", REBALANCE, id="new")
            await until_sent(client, {"new"})
            await quiet(ably)
        async with listening(client, ably), listening(client, ably):
            await ready(client, ably)
        assert await events(client) == {"new"}


async def test_a_channel_that_is_followed_from_now_on_brings_nothing_of_before(client: Client) -> None:
    async with SimulatedAbly(KEY, retention_ms=PERSISTED, clock=(clock := MovableClock())) as ably:
        async with listening(client, ably):
            await ready(client, ably)
        ably.publish("other", REBALANCE, id="nobody's")
        ably.publish("blend", REBALANCE, id="ours")
        clock.now += 60_000
        async with listening(client, ably, configuration(DU1="blend", DU2="other")):
            await until_sent(client, {"ours"})
            await ready(client, ably, "other")
            ably.publish("other", REBALANCE, id="new")
            await until(lambda: events(client, "DU2"))
        assert await events(client, "DU2") == {"new"}


async def test_a_gap_before_a_live_event_is_still_read_after_a_crash(client: Client) -> None:
    """A live event must not move the mark: what was published before it while nobody listened would be skipped."""
    async with SimulatedAbly(KEY, retention_ms=PERSISTED, clock=(clock := MovableClock())) as ably:
        async with listening(client, ably):
            await ready(client, ably)
        ably.publish("blend", REBALANCE, id="in the gap")
        clock.now += HOURS
        ably.garble_history(*[b"garbage"] * 1000)
        async with listening(client, ably):
            await soon(lambda: ably.attached("blend") > 0)
            ably.publish("blend", REBALANCE, id="live")
            await until_sent(client, {"live"})
        assert await events(client) == {"live"}
        ably.garble_history()
        clock.now += HOURS
        async with listening(client, ably):
            await until_sent(client, {"live", "in the gap"})


async def test_a_lost_database_is_a_new_installation_for_a_listener_that_begins(tmp_path: Path) -> None:
    async with SimulatedAbly(KEY, retention_ms=PERSISTED, clock=(clock := MovableClock())) as ably:
        async with temporal_server(database=tmp_path / "first.db") as server:
            client = server.client
            async with listening(client, ably):
                await ready(client, ably)
                ably.publish("blend", REBALANCE, id="done")
                await until_sent(client, {"done"})
        ably.publish("blend", REBALANCE, id="in between")
        clock.now += 60_000
        async with temporal_server(database=tmp_path / "second.db") as server:
            client = server.client
            async with listening(client, ably):
                await ready(client, ably)
                ably.publish("blend", REBALANCE, id="new")
                await until_sent(client, {"new"})
            assert await events(client) == {"new"}


async def test_a_database_lost_under_a_running_listener_brings_nothing_back(tmp_path: Path) -> None:
    port = free_port()
    clock = MovableClock()
    often = replace(TIMINGS, sweep_interval=0.3)
    async with SimulatedAbly(KEY, retention_ms=PERSISTED, clock=clock) as ably:
        client = await connect_embedded(f"127.0.0.1:{port}", lazy=True)
        async with listening(client, ably, timings=often):
            async with embedded_server(port, ui_port=None, database=tmp_path / "first.db"):
                await known(client)
                await soon(lambda: ably.attached("blend") > 0)
                ably.publish("blend", REBALANCE, id="done")
                await until_sent(client, {"done"})
            ably.publish("blend", REBALANCE, id="waits")
            clock.now += 60_000
            async with embedded_server(port, ui_port=None, database=tmp_path / "second.db"):
                await known(client)
                ably.publish("blend", REBALANCE, id="new")
                await until_sent(client, {"new"})
                assert await events(client) == {"new"}


async def test_an_event_is_not_lost_when_a_copy_of_the_database_is_put_back_under_a_running_listener(
    tmp_path: Path,
) -> None:
    """The accounts have forgotten it then; what this process remembers of it counts for nothing."""
    port, folder, copy = free_port(), tmp_path / "now", tmp_path / "copy"
    folder.mkdir()
    async with SimulatedAbly(KEY, retention_ms=PERSISTED) as ably:
        client = await connect_embedded(f"127.0.0.1:{port}", lazy=True)
        async with listening(client, ably, timings=replace(TIMINGS, sweep_interval=0.3)):
            async with embedded_server(port, ui_port=None, database=folder / "temporal.db"):
                await known(client)
                await soon(lambda: ably.attached("blend") > 0)
                ably.publish("blend", REBALANCE, id="before")
                await until_sent(client, {"before"})
            shutil.copytree(folder, copy)
            async with embedded_server(port, ui_port=None, database=folder / "temporal.db"):
                ably.publish("blend", REBALANCE, id="after")
                await until_sent(client, {"before", "after"})
            shutil.rmtree(folder)
            shutil.copytree(copy, folder)
            async with embedded_server(port, ui_port=None, database=folder / "temporal.db"):
                await until_sent(client, {"before", "after"})


@pytest.mark.parametrize(
    ("retention", "outage", "told"),
    [
        (PERSISTED, 300_000, "reaches back that far, so nothing was lost"),
        (120_000, 300_000, "is lost. Switch on persistence"),
        (120_000, 60_000, ""),
    ],
    ids=["persisted", "kept for two minutes", "short"],
)
async def test_after_an_outage_it_is_told_whether_anything_was_lost(
    client: Client, retention: int, outage: int, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    clock = MovableClock()
    async with SimulatedAbly(KEY, retention_ms=retention, clock=clock) as ably:
        async with listening(client, ably):
            await ready(client, ably)
            ably.publish("blend", REBALANCE, id="first")
            await until_sent(client, {"first"})
            ably.drop_connections()  # so that it is swept once more, and what was seen is noted
            ably.lose_continuity()
            await quiet(ably)
        ably.publish("blend", REBALANCE, id="second")
        clock.now += outage
        caplog.clear()
        async with listening(client, ably):
            await soon(lambda: ably.attached("blend") > 0)
            await quiet(ably)
    said = [record.getMessage() for record in caplog.records if "lost" in record.getMessage()]
    assert [told in one for one in said] == [True] * bool(told), said
    assert ("second" in await events(client)) is (told == "" or retention == PERSISTED)


@pytest.mark.parametrize("retention", [PERSISTED, 120_000], ids=["persisted", "kept for two minutes"])
async def test_without_temporal_the_listener_waits_and_takes_the_events_afterwards(retention: int) -> None:
    port = free_port()
    clock = MovableClock()
    async with SimulatedAbly(KEY, retention_ms=retention, clock=clock) as ably:
        ably.publish("blend", REBALANCE, id="before")
        clock.now += 1000
        client = await connect_embedded(f"127.0.0.1:{port}", lazy=True)
        async with listening(client, ably):
            await soon(lambda: ably.attached("blend") > 0)
            ably.publish("blend", REBALANCE, id="first")
            ably.drop_connections()
            await soon(lambda: ably.connection_attempts == 2 and ably.attached("blend") > 0)
            ably.publish("blend", REBALANCE, id="second")
            async with embedded_server(port, ui_port=None):
                await until_sent(client, {"first", "second"})
                assert await events(client) == {"first", "second"}


async def test_what_was_published_before_the_first_contact_with_ably_is_not_lost_either(client: Client) -> None:
    async with SimulatedAbly(KEY, retention_ms=PERSISTED) as ably:
        await ably.stop_listening()
        ably.publish("blend", REBALANCE, id="before")
        await asyncio.sleep(0.05)
        async with listening(client, ably):
            await asyncio.sleep(0.1)
            ably.publish("blend", REBALANCE, id="while out of reach")
            await asyncio.sleep(0.1)
            await ably.start_listening()
            await until_sent(client, {"while out of reach"})
        assert await events(client) == {"while out of reach"}
