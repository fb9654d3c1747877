"""The unmodified client library against the stand-in, over real sockets."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from ably import AblyException, AblyRealtime

from simulator.ably import SimulatedAbly
from simulator.ably.errors import AblyError
from tests.simulator.ably.clients import KEY, WAIT, realtime, rest


class Inbox:
    """Collects what a channel delivers."""

    def __init__(self) -> None:
        self.messages: asyncio.Queue[Any] = asyncio.Queue()
        self.attachments: asyncio.Queue[Any] = asyncio.Queue()

    async def subscribe(self, client: AblyRealtime, name: str, **options: Any) -> None:
        channel = client.channels.get(name, **options)
        channel.on("attached", self._attached)
        channel.on("update", self._attached)
        await asyncio.wait_for(channel.subscribe(self._received), WAIT)
        await self.attached()

    def _received(self, message: Any) -> None:
        self.messages.put_nowait(message)

    def _attached(self, change: Any) -> None:
        self.attachments.put_nowait(change)

    async def message(self) -> Any:
        return await asyncio.wait_for(self.messages.get(), WAIT)

    async def attached(self) -> Any:
        return await asyncio.wait_for(self.attachments.get(), WAIT)


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize(
    ("sent", "received"),
    [("text", "text"), ({"a": 1}, {"a": 1}), ([1, 2], [1, 2]), (b"\x00\xff", bytearray(b"\x00\xff")), (None, None)],
)
async def test_a_realtime_publish_reaches_a_subscriber(binary: bool, sent: Any, received: Any) -> None:
    async with SimulatedAbly(KEY) as ably, realtime(ably, use_binary_protocol=binary) as client:
        inbox = Inbox()
        await inbox.subscribe(client, "signals")
        result = await client.channels.get("signals").publish("event", sent)
        message = await inbox.message()
        assert (message.name, message.data) == ("event", received)
        assert message.id
        assert message.timestamp
        assert result.serials == [message.serial]


@pytest.mark.parametrize(("publisher", "subscriber"), [(True, False), (False, True)])
async def test_binary_data_crosses_from_one_format_to_the_other(publisher: bool, subscriber: bool) -> None:
    async with (
        SimulatedAbly(KEY) as ably,
        realtime(ably, use_binary_protocol=subscriber) as client,
        rest(ably, use_binary_protocol=publisher) as other,
    ):
        inbox = Inbox()
        await inbox.subscribe(client, "signals")
        await other.channels.get("signals").publish("event", b"\x01\x02")
        assert (await inbox.message()).data == bytearray(b"\x01\x02")


async def test_an_in_process_publish_reaches_only_its_channel() -> None:
    async with SimulatedAbly(KEY) as ably, realtime(ably) as client:
        inbox = Inbox()
        await inbox.subscribe(client, "one")
        ably.publish("two", "elsewhere")
        ably.publish("one", {"execution": "rebalance"}, name="event", id="mine")
        message = await inbox.message()
        assert (message.id, message.name, message.data) == ("mine", "event", {"execution": "rebalance"})


async def test_the_same_id_is_published_once() -> None:
    async with SimulatedAbly(KEY) as ably, realtime(ably) as client:
        inbox = Inbox()
        await inbox.subscribe(client, "signals")
        assert ably.publish("signals", "first", id="same") == "same"
        assert ably.publish("signals", "again", id="same") is None
        ably.publish("signals", "next")
        assert [(await inbox.message()).data for _ in range(2)] == ["first", "next"]


@pytest.mark.parametrize(("name", "options"), [("[?rewind=2]signals", {}), ("signals", {"params": {"rewind": "2"}})])
async def test_rewind_brings_the_last_messages(name: str, options: dict[str, Any]) -> None:
    async with SimulatedAbly(KEY) as ably, realtime(ably) as client:
        for n in range(3):
            ably.publish("signals", str(n))
        inbox = Inbox()
        await inbox.subscribe(client, name, **options)
        assert [(await inbox.message()).data for _ in range(2)] == ["1", "2"]


async def test_a_cut_connection_resumes_and_misses_nothing() -> None:
    async with SimulatedAbly(KEY) as ably, realtime(ably) as client:
        inbox = Inbox()
        await inbox.subscribe(client, "signals")
        ably.publish("signals", "before")
        assert (await inbox.message()).data == "before"
        ably.drop_connections()
        ably.publish("signals", "in the gap")
        assert (await inbox.attached()).resumed
        assert (await inbox.message()).data == "in the gap"


async def test_a_clean_disconnect_resumes() -> None:
    async with SimulatedAbly(KEY) as ably, realtime(ably) as client:
        inbox = Inbox()
        await inbox.subscribe(client, "signals")
        ably.disconnect(AblyError(80003, 400, "moving you to another server"))
        ably.publish("signals", "in the gap")
        assert (await inbox.attached()).resumed
        assert (await inbox.message()).data == "in the gap"


async def test_lost_continuity_shows_only_as_an_attachment_that_is_not_resumed() -> None:
    async with SimulatedAbly(KEY) as ably, realtime(ably) as client, rest(ably) as reader:
        inbox = Inbox()
        await inbox.subscribe(client, "signals")
        ably.lose_continuity()
        ably.drop_connections()
        ably.publish("signals", "in the gap")
        assert not (await inbox.attached()).resumed
        ably.publish("signals", "after")
        assert (await inbox.message()).data == "after"
        page = await reader.channels.get("signals").history(direction="forwards")
        assert [message.data for message in page.items] == ["in the gap", "after"]


async def test_messages_past_their_retention_cannot_be_resumed() -> None:
    now = [1_000_000]
    async with SimulatedAbly(KEY, clock=lambda: now[0], retention_ms=1000) as ably, realtime(ably) as client:
        inbox = Inbox()
        await inbox.subscribe(client, "signals")
        await ably.stop_listening()
        ably.drop_connections()
        ably.publish("signals", "soon forgotten")
        now[0] += 1001
        await ably.start_listening()
        assert not (await inbox.attached()).resumed


async def test_a_detached_channel_attaches_again() -> None:
    async with SimulatedAbly(KEY) as ably, realtime(ably) as client:
        inbox = Inbox()
        await inbox.subscribe(client, "signals")
        ably.detach("signals", AblyError(90198, 500, "try again"))
        assert (await inbox.attached()).resumed
        ably.publish("signals", "after")
        assert (await inbox.message()).data == "after"


async def test_a_frozen_connection_answers_no_ping() -> None:
    async with SimulatedAbly(KEY) as ably, realtime(ably, realtime_request_timeout=300) as client:
        await asyncio.wait_for(client.connection.once_async("connected"), WAIT)
        assert await client.connection.ping() > 0
        ably.freeze()
        with pytest.raises(AblyException, match="ping"):
            await client.connection.ping()
        ably.freeze(frozen=False)
        assert await client.connection.ping() > 0


async def test_heartbeats_keep_an_idle_connection_alive() -> None:
    async with (
        SimulatedAbly(KEY, max_idle_interval_ms=50) as ably,
        realtime(ably, realtime_request_timeout=500) as client,
    ):
        states: list[str] = []

        def note(change: Any) -> None:
            states.append(change.current.value)

        await asyncio.wait_for(client.connection.once_async("connected"), WAIT)
        client.connection.on(note)
        # Longer than the idle interval and the request time-out together: without heartbeats it would be dropped.
        await asyncio.sleep(0.8)
        assert states == []


@pytest.mark.parametrize(
    ("key", "code"), [("app.key:wrong", 40101), ("other.key:secret", 40101)], ids=["secret", "name"]
)
async def test_a_wrong_key_is_refused(key: str, code: int) -> None:
    async with SimulatedAbly(KEY) as ably, realtime(ably, key=key, auto_connect=False) as client:
        client.connect()
        change = await asyncio.wait_for(client.connection.once_async("failed"), WAIT)
        assert change.reason.code == code


async def test_a_token_opens_a_connection_and_can_be_renewed_on_it() -> None:
    async with SimulatedAbly(KEY) as ably, realtime(ably, use_token_auth=True) as client:
        inbox = Inbox()
        await inbox.subscribe(client, "signals")
        await asyncio.wait_for(client.auth.authorize(), WAIT)
        ably.publish("signals", "after")
        assert (await inbox.message()).data == "after"


async def test_a_key_without_subscribe_cannot_attach() -> None:
    async with SimulatedAbly(KEY, capability={"signals": ["history"]}) as ably, realtime(ably) as client:
        with pytest.raises(AblyException, match="not permitted"):
            await asyncio.wait_for(client.channels.get("signals").attach(), WAIT)


async def test_a_key_without_publish_has_its_message_refused() -> None:
    async with SimulatedAbly(KEY, capability={"signals": ["subscribe"]}) as ably, realtime(ably) as client:
        with pytest.raises(AblyException, match="not permitted"):
            await asyncio.wait_for(client.channels.get("signals").publish("event", "text"), WAIT)


async def test_echo_can_be_switched_off() -> None:
    async with SimulatedAbly(KEY) as ably, realtime(ably, transport_params={"echo": "false"}) as client:
        inbox = Inbox()
        await inbox.subscribe(client, "signals")
        await client.channels.get("signals").publish("event", "mine")
        ably.publish("signals", "theirs")
        assert (await inbox.message()).data == "theirs"


async def test_refused_connections_are_retried_by_the_client_until_let_in() -> None:
    async with SimulatedAbly(KEY) as ably, realtime(ably, auto_connect=False) as client:
        await ably.stop_listening()
        client.connect()
        await asyncio.sleep(0)
        await ably.start_listening()
        await asyncio.wait_for(client.connection.once_async("connected"), WAIT)
        assert ably.connections == 1


@asynccontextmanager
async def raw_socket(
    ably: SimulatedAbly, path: str = "/", **query: str
) -> AsyncGenerator[aiohttp.ClientWebSocketResponse]:
    """A JSON connection without any client library."""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"http://{ably.endpoint}:{ably.port}{path}", params={"key": KEY, **query}) as socket,
    ):
        yield socket


@pytest.mark.parametrize(
    "frame", ["not json", "[]", '{"action": 10}', '{"action": 15, "channel": "x"}', '{"action": 17, "auth": 5}']
)
async def test_a_frame_that_makes_no_sense_ends_the_connection_with_an_error(frame: str) -> None:
    async with SimulatedAbly(KEY) as ably, raw_socket(ably) as socket:
        assert (await socket.receive_json(timeout=WAIT))["action"] == 4
        await socket.send_str(frame)
        answer = await socket.receive_json(timeout=WAIT)
        assert (answer["action"], answer["error"]["code"]) == (9, 40000)
        assert (await socket.receive(timeout=WAIT)).type is aiohttp.WSMsgType.CLOSE


async def test_a_websocket_is_opened_on_whatever_path_a_client_builds() -> None:
    async with SimulatedAbly(KEY) as ably, raw_socket(ably, "/:80") as socket:
        assert (await socket.receive_json(timeout=WAIT))["action"] == 4


async def test_a_connection_that_cannot_be_resumed_is_told_so() -> None:
    async with SimulatedAbly(KEY) as ably, raw_socket(ably, resume="unknown") as socket:
        assert (await socket.receive_json(timeout=WAIT))["error"]["code"] == 80018
