"""One bad channel, page or answer of Ably's: it is told, it ends nothing, and the others are not disturbed."""

import json
import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from simulator.ably import SimulatedAbly
from simulator.ably.errors import AblyError
from starter.ably.ably_channel import check_access, kept_messages
from starter.ably.ably_history import HistoryReader
from starter.ably.ably_settings import AblyKeyRefusedError, AblyUnavailableError
from starter.ably.channel_reach import Reach
from starter.ably.events import EventInvalid, parse_event
from tests.starter.ably.ably_listening import (
    KEY,
    TIMINGS,
    Acceptor,
    MovableClock,
    attached,
    listening,
    settings,
    soon,
)
from tests.starter.ably.remembering import LONG_AGO

PATIENT = replace(TIMINGS, backoff_base=0.01, backoff_maximum=0.02)
GARBAGE = [
    b"",
    b"\xff\xfe\x00garbage",
    b"<html>busy</html>",
    b"null",
    b"7",
    b'"text"',
    b'{"error": "no list"}',
    b'["text", 7, null, [], {"id": 5}]',
    b'[{"id": "x", "timestamp": 1e999, "data": "x"}]',
    b'[{"id": "x", "timestamp": 99999999999999999, "data": "x"}]',
    b"[" * 100_000,
]


@pytest.mark.parametrize("capability", [["history"], ["publish"]], ids=["no subscribe", "nothing"])
async def test_a_channel_that_is_refused_does_not_stop_the_others(
    capability: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    acceptor = Acceptor()
    async with SimulatedAbly(KEY, capability={"good": ["*"], "bad": capability}) as ably:
        async with listening(ably, acceptor, "bad", "good"):
            await good_is_attached(ably)
            for n in range(3):
                ably.publish("good", str(n))
                await acceptor.has(str(n))
                # Several times over the refused channel is tried again, and the good one goes on all the same.
                await soon(lambda n=n: caplog.text.count("channel bad: no live messages") > n)
        assert ably.connection_attempts == 1
    assert "channel good: no live messages" not in caplog.text


async def good_is_attached(ably: SimulatedAbly) -> None:
    """The good channel is attached; the bad one is asked for again and again, so nothing ever becomes quiet."""
    await soon(lambda: ably.attached("good") > 0)


async def test_a_channel_without_subscribe_is_still_read_from_its_history() -> None:
    acceptor = Acceptor()
    often = replace(TIMINGS, sweep_interval=0.1)
    async with (
        SimulatedAbly(KEY, capability={"good": ["*"], "bad": ["history"]}) as ably,
        listening(ably, acceptor, "bad", "good", timings=often),
    ):
        await good_is_attached(ably)
        ably.publish("bad", "found in the history")
        await acceptor.has("found in the history")


async def test_a_channel_that_is_allowed_later_is_attached_without_disturbing_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    acceptor = Acceptor()
    capability = {"good": ["*"], "bad": ["publish"]}
    async with SimulatedAbly(KEY, capability=capability) as ably, listening(ably, acceptor, "bad", "good"):
        await soon(lambda: "channel bad: no live messages" in caplog.text)
        capability["bad"] = ["*"]
        await soon(lambda: ably.attached("bad") > 0)
        ably.publish("bad", "live")
        await acceptor.has("live")
        assert ably.connection_attempts == 1


@pytest.mark.parametrize("body", GARBAGE, ids=lambda body: repr(body[:20]))
async def test_a_garbage_page_of_history_ends_nothing(body: bytes) -> None:
    acceptor = Acceptor()
    async with SimulatedAbly(KEY) as ably:
        ably.garble_history(body)
        ably.publish("signals", "behind it")
        async with listening(ably, acceptor, timings=replace(PATIENT, sweep_interval=0.05)):
            await acceptor.has("behind it")


async def test_garbage_bytes_in_every_page_leave_the_live_messages_alone() -> None:
    acceptor = Acceptor()
    async with SimulatedAbly(KEY) as ably:
        ably.garble_history(*GARBAGE * 50)
        async with listening(ably, acceptor, timings=replace(PATIENT, sweep_interval=0.01)):
            await soon(lambda: ably.attached("signals") > 0)
            ably.publish("signals", "live")
            await acceptor.has("live")


async def test_a_server_that_says_when_to_come_again_is_obeyed() -> None:
    acceptor = Acceptor()
    async with SimulatedAbly(KEY) as ably:
        ably.fail_requests(AblyError(42910, 429, "slow down", retry_after="3600"))
        async with listening(ably, acceptor, timings=PATIENT):
            await soon(lambda: ably.attached("signals") > 0)
            for _ in range(5):
                ably.lose_continuity()
                ably.drop_connections()
                attempts = ably.connection_attempts
                await soon(lambda n=attempts: ably.connection_attempts > n)
                await soon(lambda: ably.attached("signals") > 0)
        assert ably.rest_requests.count("GET /channels/signals/messages") == 0


@pytest.mark.parametrize(
    ("header", "least", "most"),
    [
        ("7", 7, 7),
        ("999999999999", 3600, 3600),
        ("-5", 0, 0),
        ("soon", 0, 0),
        ("²", 0, 0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0, 0),
        ("Wed, 21 Oct 2099 07:28:00 GMT", 3600, 3600),
    ],
)
async def test_what_a_server_asks_for_is_read_in_every_form(header: str, least: float, most: float) -> None:
    async with SimulatedAbly(KEY) as ably, HistoryReader(settings(ably), TIMINGS, "signals") as history:
        ably.fail_requests(AblyError(50003, 503, "busy", retry_after=header))
        with pytest.raises(AblyUnavailableError) as refused:
            await history.server_time()
        assert least <= refused.value.asked_to_wait <= most


async def test_a_history_that_is_slow_is_read_with_more_patience() -> None:
    acceptor = Acceptor()
    hasty = replace(PATIENT, request_timeout=0.1, slowest_page=10)
    async with SimulatedAbly(KEY) as ably:
        ably.publish("signals", "slow")
        ably.delay_history(0.5)
        async with listening(ably, acceptor, timings=hasty):
            await acceptor.has("slow")


PAGE = json.dumps([{"id": "x", "timestamp": 1, "data": "x"}]).encode()


async def test_a_history_that_repeats_itself_is_not_read_for_ever() -> None:
    async with SimulatedAbly(KEY) as ably, HistoryReader(settings(ably), TIMINGS, "signals") as history:
        ably.garble_history(*[PAGE] * 100, link="./messages?cursor=1")
        with pytest.raises(AblyUnavailableError, match="repeats itself"):
            async for _ in history.pages(LONG_AGO):
                pass


async def test_a_link_to_somebody_else_is_not_followed() -> None:
    """Whoever can write a header into a page must not be shown our key."""
    async with (
        SimulatedAbly(KEY) as ably,
        SimulatedAbly(KEY) as thief,
        HistoryReader(settings(ably), TIMINGS, "signals") as history,
    ):
        ably.garble_history(PAGE, link=f"http://127.0.0.1:{thief.port}/channels/signals/messages?cursor=1")
        assert len([page async for page in history.pages(LONG_AGO)]) == 2
        assert thief.rest_requests == ()


async def test_check_access_names_every_channel_that_is_refused() -> None:
    async with SimulatedAbly(KEY, capability={"good": ["*"], "bad": ["history"], "worse": ["subscribe"]}) as ably:
        with pytest.raises(AblyKeyRefusedError, match="channel worse: "):
            await check_access(settings(ably, "good", "worse"), TIMINGS)
        with pytest.raises(AblyKeyRefusedError, match="channel bad: "):
            await check_access(settings(ably, "good", "bad"), TIMINGS)


async def test_whether_a_channel_keeps_messages_is_told_from_its_history() -> None:
    clock = MovableClock()
    long_ago = datetime.now(UTC) - timedelta(minutes=10)
    async with SimulatedAbly(KEY, retention_ms=3_600_000, clock=clock) as ably:
        clock.now = -600_000
        ably.publish("kept", "x")
        clock.now = 0
        ably.publish("new", "x")
        found = await kept_messages(settings(ably, "kept", "new", "lost"), {"lost": long_ago}, TIMINGS)
    assert found == {"kept": Reach.COMPLETE, "new": Reach.UNKNOWN, "lost": Reach.SHORT}


@pytest.mark.parametrize("door", ["live", "history"])
async def test_a_repeated_key_is_seen_by_either_door(door: str, caplog: pytest.LogCaptureFixture) -> None:
    """The client library decodes JSON itself and keeps the last of two equal keys without a word."""
    caplog.set_level(logging.DEBUG)
    acceptor = Acceptor()
    text = '{"execution": "dry_run", "execution": "rebalance"}'
    async with SimulatedAbly(KEY) as ably:
        if door == "history":
            ably.publish("signals", text, encoding="json")
        async with listening(ably, acceptor):
            if door == "live":
                await attached(ably, acceptor)
                ably.publish("signals", text, encoding="json")
            await acceptor.has(text)
    (message,) = [message for _, message in acceptor.taken]
    with pytest.raises(EventInvalid, match="'execution' is in it twice"):
        parse_event(message.id, message.data)


async def test_a_message_its_publisher_deleted_starts_nothing(caplog: pytest.LogCaptureFixture) -> None:
    acceptor = Acceptor()
    raw = {"id": "x", "timestamp": 1, "data": '{"execution": "rebalance"}', "action": 2}
    async with SimulatedAbly(KEY) as ably:
        ably.garble_history(json.dumps([raw]).encode())
        ably.publish("signals", "other")
        async with listening(ably, acceptor, timings=replace(PATIENT, sweep_interval=0.05)):
            await acceptor.has("other")
        assert acceptor.data == ["other"]
    assert "its publisher has deleted it" in caplog.text
