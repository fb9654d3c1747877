"""What the stand-in does not simulate it refuses, and what was sent twice it stores once."""

import asyncio
from typing import Any

import httpx
import pytest
from ably import AblyException
from ably.types.channeloptions import ChannelOptions

from simulator.ably import SimulatedAbly
from tests.simulator.ably.clients import KEY, WAIT, realtime
from tests.simulator.ably.test_ably_realtime import raw_socket

ACK, NACK, CONNECTED, ERROR = 1, 2, 4, 9


def http(ably: SimulatedAbly) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=f"http://{ably.endpoint}:{ably.port}", auth=("app.key", "secret"), trust_env=False
    )


def message(data: str, serial: int = 0, **more: Any) -> dict[str, Any]:
    return {"action": 15, "channel": "signals", "msgSerial": serial, "messages": [{"data": data, **more}]}


async def answers(ably: SimulatedAbly, *frames: dict[str, Any]) -> list[dict[str, Any]]:
    """What each frame is answered with on one connection."""
    async with raw_socket(ably, echo="false") as socket:
        assert (await socket.receive_json(timeout=WAIT))["action"] == CONNECTED
        found: list[dict[str, Any]] = []
        for frame in frames:
            await socket.send_json(frame)
            found.append(await socket.receive_json(timeout=WAIT))
        return found


async def stored(ably: SimulatedAbly) -> list[str]:
    async with http(ably) as client:
        return [one["data"] for one in (await client.get("/channels/signals/messages?direction=forwards")).json()]


async def test_entering_presence_is_refused_with_a_nack() -> None:
    async with SimulatedAbly(KEY) as ably, realtime(ably, client_id="me") as client:
        channel = client.channels.get("signals")
        await channel.attach()
        with pytest.raises(AblyException, match="presence, annotations and objects are not simulated"):
            await asyncio.wait_for(channel.presence.enter("here"), WAIT)


async def test_nobody_is_granted_the_presence_mode() -> None:
    async with SimulatedAbly(KEY) as ably:
        (attached,) = await answers(ably, {"action": 10, "channel": "signals"})
        assert attached["flags"] & ~0xFFFF == (1 << 17) | (1 << 18)
        (refused,) = await answers(ably, {"action": 10, "channel": "signals", "flags": 1 << 16})
        assert (refused["action"], refused["error"]["code"]) == (ERROR, 40000)


async def test_channel_parameters_it_does_not_know_are_refused() -> None:
    async with SimulatedAbly(KEY) as ably, realtime(ably) as client:
        channel = client.channels.get("signals", ChannelOptions(params={"occupancy": "metrics"}))
        with pytest.raises(AblyException, match="occupancy are not simulated"):
            await asyncio.wait_for(channel.attach(), WAIT)


@pytest.mark.parametrize("action", [14, 19, 21])
async def test_other_frames_that_wait_for_an_answer_get_a_nack(action: int) -> None:
    async with SimulatedAbly(KEY) as ably:
        (answer,) = await answers(ably, {"action": action, "channel": "signals", "msgSerial": 3})
        assert (answer["action"], answer["msgSerial"], answer["error"]["code"]) == (NACK, 3, 40000)


@pytest.mark.parametrize("more", [{"action": 1}, {"action": 2}, {"extras": {"ephemeral": True}}])
async def test_a_message_that_means_more_than_a_message_is_refused(more: dict[str, Any]) -> None:
    async with SimulatedAbly(KEY) as ably:
        (answer,) = await answers(ably, message("x", **more))
        assert (answer["action"], answer["error"]["code"]) == (NACK, 40000)
        assert await stored(ably) == []


async def test_a_message_that_is_sent_again_is_stored_once_and_acknowledged_as_before() -> None:
    async with SimulatedAbly(KEY) as ably:
        first, again, following = await answers(ably, message("a"), message("a"), message("b", 1))
        assert first["action"] == again["action"] == following["action"] == ACK
        assert first["res"] == again["res"] != following["res"]
        assert await stored(ably) == ["a", "b"]


async def test_a_serial_that_comes_with_another_message_is_refused_instead_of_swallowed() -> None:
    async with SimulatedAbly(KEY) as ably:
        _, other = await answers(ably, message("a"), message("b"))
        assert other["action"] == NACK
        assert await stored(ably) == ["a"]


async def test_a_batch_is_published_channel_by_channel_and_says_what_was_refused() -> None:
    async with SimulatedAbly(KEY, capability={"signals": ["*"], "other": ["*"]}) as ably, http(ably) as client:
        specification = {"channels": ["signals", "secret", "other"], "messages": [{"data": "x"}, {"data": "y"}]}
        answer = await client.post("/messages", json=specification)
        result = answer.json()
        assert (answer.status_code, result["successCount"], result["failureCount"]) == (201, 2, 1)
        assert [one["channel"] for one in result["results"]] == ["signals", "secret", "other"]
        assert result["results"][1]["error"]["code"] == 40160
        assert await stored(ably) == ["x", "y"]
        several = await client.post("/messages", json=[{"channels": "signals", "messages": {"data": "z"}}] * 2)
        assert [one["successCount"] for one in several.json()] == [1, 1]


@pytest.mark.parametrize("body", [7, ["x"], {"messages": {"data": "x"}}, {"channels": ["a", 5], "messages": []}, {}])
async def test_a_batch_that_is_none_is_refused_whole(body: Any) -> None:
    async with SimulatedAbly(KEY) as ably, http(ably) as client:
        answer = await client.post("/messages", json=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, 40000)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/channels/signals"),
        ("GET", "/channels/signals/presence"),
        ("GET", "/stats"),
        ("PATCH", "/channels/signals/messages/serial"),
        ("DELETE", "/push/channelSubscriptions"),
        ("POST", "/push/publish"),
        ("PUT", "/channels/signals/messages"),
    ],
)
async def test_everything_else_of_the_api_is_answered_with_an_error_in_ablys_form(method: str, path: str) -> None:
    async with SimulatedAbly(KEY) as ably, http(ably) as client:
        answer = await client.request(method, path)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, 40400)
