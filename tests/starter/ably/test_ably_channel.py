"""The listener against the Ably stand-in, over real sockets, with everything that goes wrong on the way."""

import asyncio
import itertools
import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from simulator.ably import SimulatedAbly
from simulator.ably.errors import AblyError
from simulator.ably.messages import Draft
from starter.ably.ably_realtime import MAX_DISCONNECTS
from starter.ably.received_message import ReceivedMessage
from tests.starter.ably.ably_listening import KEY, TIMINGS, WAIT, Acceptor, MovableClock, attached, listening, soon


async def test_a_live_message_arrives_with_its_parts() -> None:
    acceptor = Acceptor()
    async with SimulatedAbly(KEY) as ably, listening(ably, acceptor):
        await attached(ably, acceptor)
        ably.publish("signals", {"execution": "rebalance"}, name="event", id="mine")
        await acceptor.has({"execution": "rebalance"})
        channel, message = acceptor.taken[0]
        assert (channel, message.id) == ("signals", "mine")
        assert abs(datetime.now(UTC) - message.timestamp) < timedelta(minutes=1)


@pytest.mark.parametrize("data", ["text", b"\x00\xff", {"a": [1]}, ["x"], None])
async def test_a_payload_is_the_same_from_history_and_live(data: Any) -> None:
    async with SimulatedAbly(KEY) as ably:
        for first in ("history", "live"):
            acceptor = Acceptor()
            if first == "history":
                ably.publish(first, data)
            async with listening(ably, acceptor, first):
                if first == "live":
                    await attached(ably, acceptor, first)
                    ably.publish(first, data)
                await acceptor.has(data)


async def test_what_was_published_while_it_was_down_is_delivered_at_the_start() -> None:
    acceptor = Acceptor()
    async with SimulatedAbly(KEY) as ably:
        for n in range(5):
            ably.publish("signals", str(n))
        async with listening(ably, acceptor):
            await acceptor.has("0", "4")
            assert acceptor.data == ["0", "1", "2", "3", "4"]


async def test_more_than_one_page_of_history_is_read() -> None:
    acceptor = Acceptor()
    async with SimulatedAbly(KEY) as ably:
        for n in range(1005):
            ably.publish("signals", str(n))
        async with listening(ably, acceptor):
            await acceptor.has("0", "1004")
        assert len(acceptor.taken) == 1005


async def test_several_channels_are_kept_apart() -> None:
    acceptor = Acceptor()
    async with SimulatedAbly(KEY) as ably, listening(ably, acceptor, "one", "two:with space/and?more"):
        await attached(ably, acceptor, "one")
        await attached(ably, acceptor, "two:with space/and?more")
        ably.publish("one", "a")
        ably.publish("two:with space/and?more", "b")
        await acceptor.has("a", "b")
        assert sorted((c, m.data) for c, m in acceptor.taken) == [("one", "a"), ("two:with space/and?more", "b")]


async def test_history_of_a_channel_with_odd_characters_is_found() -> None:
    acceptor = Acceptor()
    async with SimulatedAbly(KEY) as ably:
        ably.publish("two:with space/and?more", "x")
        async with listening(ably, acceptor, "two:with space/and?more"):
            await acceptor.has("x")


async def test_a_cut_connection_loses_nothing() -> None:
    acceptor = Acceptor()
    async with SimulatedAbly(KEY) as ably, listening(ably, acceptor):
        await attached(ably, acceptor)
        ably.drop_connections()
        ably.publish("signals", "in the gap")
        await acceptor.has("in the gap")


async def test_lost_continuity_loses_nothing() -> None:
    acceptor = Acceptor()
    async with SimulatedAbly(KEY) as ably, listening(ably, acceptor):
        await attached(ably, acceptor)
        ably.lose_continuity()
        ably.drop_connections()
        ably.publish("signals", "in the gap")
        await acceptor.has("in the gap")


@pytest.mark.parametrize("error", [AblyError(80003, 503, "going down"), None], ids=["5xx", "no reason"])
async def test_a_client_that_only_looks_connected_is_replaced(error: AblyError | None) -> None:
    acceptor = Acceptor()
    async with SimulatedAbly(KEY) as ably, listening(ably, acceptor):
        await attached(ably, acceptor)
        ably.disconnect(error)
        await soon(lambda: ably.connections == 0)
        ably.publish("signals", "in the gap")
        await acceptor.has("in the gap")
        await attached(ably, acceptor)
        ably.publish("signals", "after")
        await acceptor.has("after")


async def test_a_frozen_connection_is_replaced() -> None:
    acceptor = Acceptor()
    async with SimulatedAbly(KEY) as ably, listening(ably, acceptor):
        await attached(ably, acceptor)
        attempts = ably.connection_attempts
        ably.freeze()
        ably.publish("signals", "vanished")
        await soon(lambda: ably.connection_attempts > attempts)
        await acceptor.has("vanished")


async def test_a_failed_connection_is_replaced() -> None:
    acceptor = Acceptor()
    async with SimulatedAbly(KEY) as ably, listening(ably, acceptor):
        await attached(ably, acceptor)
        ably.fail_connections(AblyError(50000, 500, "internal error"))
        ably.publish("signals", "in the gap")
        await acceptor.has("in the gap")


async def test_a_detached_channel_loses_nothing() -> None:
    acceptor = Acceptor()
    async with SimulatedAbly(KEY) as ably, listening(ably, acceptor):
        await attached(ably, acceptor)
        ably.detach("signals", AblyError(90198, 500, "try again"))
        ably.publish("signals", "in the gap")
        await acceptor.has("in the gap")


async def test_an_outage_at_the_start_is_waited_out() -> None:
    acceptor = Acceptor()
    async with SimulatedAbly(KEY) as ably:
        await ably.stop_listening()
        ably.publish("signals", "before")
        async with listening(ably, acceptor):
            await asyncio.sleep(0.3)
            assert acceptor.taken == []
            await ably.start_listening()
            await acceptor.has("before")
            await attached(ably, acceptor)
            ably.publish("signals", "after")
            await acceptor.has("after")


async def test_a_flapping_server_is_not_stormed(caplog: pytest.LogCaptureFixture) -> None:
    acceptor = Acceptor()
    patient = replace(TIMINGS, backoff_base=60, backoff_maximum=60)
    async with SimulatedAbly(KEY) as ably, listening(ably, acceptor, timings=patient):
        for attempt in itertools.count(1):
            await soon(
                lambda n=attempt: (
                    "keeps breaking" in caplog.text or (ably.connection_attempts == n and ably.attached("signals") > 0)
                )
            )
            if "keeps breaking" in caplog.text:
                break
            ably.drop_connections()
        assert ably.connection_attempts <= MAX_DISCONNECTS + 1


async def test_a_poisoned_payload_hides_none_of_its_neighbours() -> None:
    acceptor = Acceptor()
    async with SimulatedAbly(KEY) as ably, listening(ably, acceptor):
        await attached(ably, acceptor)
        ably.publish_together(
            "signals",
            [Draft(name=None, data="good"), Draft(name=None, data="{bad", encoding="json"), Draft(None, "fine")],
        )
        await acceptor.has("good", "{bad", "fine")


async def test_a_poisoned_payload_in_the_history_hides_none_of_its_neighbours() -> None:
    acceptor = Acceptor()
    async with SimulatedAbly(KEY) as ably:
        ably.publish("signals", "good")
        ably.publish("signals", "{bad", encoding="json")
        ably.publish("signals", "what?", encoding="cipher+aes-128-cbc/base64")
        ably.publish("signals", "fine")
        async with listening(ably, acceptor):
            await acceptor.has("good", "{bad", "what?", "fine")


async def test_a_refused_live_message_is_tried_again_until_it_is_accepted() -> None:
    acceptor = Acceptor()
    async with SimulatedAbly(KEY) as ably, listening(ably, acceptor):
        await attached(ably, acceptor)
        acceptor.refuse = lambda _: acceptor.calls < 4
        ably.publish("signals", "stubborn")
        await acceptor.has("stubborn")
        assert acceptor.calls == 4


async def test_a_message_refused_longer_than_the_history_keeps_it_is_not_lost() -> None:
    acceptor = Acceptor()
    clock = MovableClock()
    async with SimulatedAbly(KEY, clock=clock) as ably, listening(ably, acceptor):
        await attached(ably, acceptor)
        accepting = False
        acceptor.refuse = lambda _: not accepting
        ably.publish("signals", "patient")
        await acceptor.until(lambda: acceptor.calls >= 2)
        clock.now += 10_000_000
        accepting = True
        await acceptor.has("patient")


async def test_a_message_that_is_always_refused_does_not_hold_up_the_others() -> None:
    acceptor = Acceptor()
    acceptor.refuse = lambda message: message.data == "indigestible"
    async with SimulatedAbly(KEY) as ably:
        ably.publish("signals", "indigestible")
        ably.publish("signals", "one")
        async with listening(ably, acceptor):
            await acceptor.has("one")
            await attached(ably, acceptor)
            ably.publish("signals", "two")
            await acceptor.has("two")


async def test_messages_of_a_channel_are_handed_on_one_at_a_time_and_in_order() -> None:
    running, most, taken = 0, 0, list[object]()
    done = asyncio.Event()

    async def slow(_: str, message: ReceivedMessage) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.001)
        running -= 1
        taken.append(message.data)
        if message.data == "19":
            done.set()

    async with SimulatedAbly(KEY) as ably, listening(ably, slow):
        await soon(lambda: ably.attached("signals") > 0)
        for n in range(20):
            ably.publish("signals", str(n))
        await asyncio.wait_for(done.wait(), WAIT)
    assert most == 1
    assert taken == [str(n) for n in range(20)]


async def test_a_wrong_key_is_reported_with_what_to_do_and_never_shown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    acceptor = Acceptor()
    async with SimulatedAbly(KEY) as ably, listening(ably, acceptor, key="app.key:tell-nobody"):
        await soon(lambda: caplog.text.count("Check the Ably key") >= 3)
    assert "no live messages" in caplog.text
    assert "its history cannot be read" in caplog.text
    assert "tell-nobody" not in caplog.text


async def test_the_key_is_never_logged_while_all_is_well(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    acceptor = Acceptor()
    async with SimulatedAbly(KEY) as ably, listening(ably, acceptor):
        await attached(ably, acceptor)
        ably.drop_connections()
        ably.publish("signals", "in the gap")
        await acceptor.has("in the gap")
    assert "Ably connection: connected" in caplog.text
    assert "hush-hush" not in caplog.text


async def test_a_key_that_may_not_read_history_still_listens_and_says_what_is_missing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    acceptor = Acceptor()
    async with SimulatedAbly(KEY, capability={"*": ["subscribe"]}) as ably, listening(ably, acceptor):
        await attached(ably, acceptor)
        ably.publish("signals", "live")
        await acceptor.has("live")
        await soon(lambda: "The key needs `subscribe` and `history`" in caplog.text)


async def test_an_expired_history_token_is_replaced() -> None:
    acceptor = Acceptor()
    clock = MovableClock()
    async with (
        SimulatedAbly(KEY, clock=clock, token_ttl_ms=1000) as ably,
        listening(ably, acceptor, timings=TIMINGS),
    ):
        await attached(ably, acceptor)
        clock.now += 1500
        ably.lose_continuity()
        ably.drop_connections()
        ably.publish("signals", "in the gap")
        await acceptor.has("in the gap")


async def test_history_that_fails_is_read_again() -> None:
    acceptor = Acceptor()
    async with SimulatedAbly(KEY) as ably:
        ably.fail_requests(AblyError(50000, 500, "internal error"), times=3)
        ably.publish("signals", "patient")
        async with listening(ably, acceptor):
            await acceptor.has("patient")


async def test_an_alarm_is_raised_when_nothing_can_be_swept_for_too_long(caplog: pytest.LogCaptureFixture) -> None:
    acceptor = Acceptor()
    async with SimulatedAbly(KEY) as ably:
        await ably.stop_listening()
        async with listening(ably, acceptor, timings=replace(TIMINGS, kept_at_least=0.2)):
            await soon(lambda: "was not read for" in caplog.text)
            await ably.start_listening()
            await soon(lambda: "nobody read it between" in caplog.text)
