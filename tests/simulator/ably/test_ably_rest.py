"""REST: publishing, history and its pages, tokens, and what is refused."""

import base64
from typing import Any

import httpx
import pytest
from ably import AblyException
from ably.types.message import Message

from simulator.ably import SimulatedAbly
from simulator.ably.errors import AblyError
from simulator.ably.server import system_clock
from simulator.loopback import NotLoopbackError
from tests.simulator.ably.clients import KEY, rest

MESSAGES = "/channels/signals/messages"


def http(ably: SimulatedAbly, key: str = KEY) -> httpx.AsyncClient:
    """A plain HTTP client with Basic authentication, as curl is one."""
    name, _, secret = key.partition(":")
    return httpx.AsyncClient(base_url=f"http://{ably.endpoint}:{ably.port}", auth=(name, secret), trust_env=False)


@pytest.mark.parametrize("binary", [True, False])
async def test_what_rest_publishes_is_in_the_history(binary: bool) -> None:
    async with SimulatedAbly(KEY) as ably, rest(ably, use_binary_protocol=binary) as client:
        channel = client.channels.get("signals")
        await channel.publish("event", {"n": 1})
        await channel.publish("event", b"\x00")
        page = await channel.history(direction="forwards")
        assert [message.data for message in page.items] == [{"n": 1}, bytearray(b"\x00")]


@pytest.mark.parametrize(("direction", "expected"), [("forwards", "01234"), ("backwards", "43210")])
async def test_history_comes_in_pages_either_way(direction: str, expected: str) -> None:
    async with SimulatedAbly(KEY) as ably, rest(ably) as client:
        for n in range(5):
            ably.publish("signals", str(n))
        pages: list[str] = []
        page: Any = await client.channels.get("signals").history(direction=direction, limit=2)
        while page is not None:
            pages.append("".join(message.data for message in page.items))
            page = await page.next()
        assert "".join(pages) == expected
        assert [len(page) for page in pages] == [2, 2, 1]


async def test_what_arrives_between_two_pages_shifts_nothing() -> None:
    async with SimulatedAbly(KEY) as ably, rest(ably) as client:
        for n in range(3):
            ably.publish("signals", str(n))
        first: Any = await client.channels.get("signals").history(direction="forwards", limit=2)
        ably.publish("signals", "3")
        second: Any = await first.next()
        assert [message.data for message in second.items] == ["2", "3"]


async def test_history_keeps_to_start_and_end() -> None:
    now = [system_clock()]
    async with SimulatedAbly(KEY, clock=lambda: now[0]) as ably, rest(ably) as client:
        begin = now[0]
        for n in range(4):
            now[0] = begin + n * 10
            ably.publish("signals", str(n))
        page = await client.channels.get("signals").history(direction="forwards", start=begin + 10, end=begin + 20)
        assert [message.data for message in page.items] == ["1", "2"]


async def test_history_forgets_what_is_older_than_the_retention() -> None:
    now = [system_clock()]
    async with SimulatedAbly(KEY, clock=lambda: now[0], retention_ms=100) as ably, rest(ably) as client:
        ably.publish("signals", "old")
        now[0] += 101
        ably.publish("signals", "new")
        page = await client.channels.get("signals").history()
        assert [message.data for message in page.items] == ["new"]


async def test_an_explicit_id_makes_a_repeated_publish_harmless() -> None:
    async with SimulatedAbly(KEY) as ably, rest(ably) as client:
        channel = client.channels.get("signals")
        for _ in range(2):
            await channel.publish(Message(name="event", data="once", id="same"))
        page = await channel.history()
        assert [message.id for message in page.items] == ["same"]


async def test_time_needs_no_credentials() -> None:
    async with SimulatedAbly(KEY, clock=lambda: 42) as ably, rest(ably) as client:
        assert await client.time() == 42


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ('{"name": "event", "data": "{\\"execution\\": \\"rebalance\\"}"}', "application/json"),
        ('{"name": "event", "data": {"execution": "rebalance"}}', "application/json"),
        ('name=event&data={"execution": "rebalance"}', "application/x-www-form-urlencoded"),
    ],
    ids=["text in JSON", "object in JSON", "form"],
)
async def test_plain_http_with_basic_authentication_can_publish(content: str, kind: str) -> None:
    async with SimulatedAbly(KEY) as ably, http(ably) as client:
        answer = await client.post(MESSAGES, content=content, headers={"Content-Type": kind})
        assert answer.status_code == 201
        stored = (await client.get(MESSAGES)).json()
        assert [message["data"] for message in stored] == ['{"execution": "rebalance"}']


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("not json", 40000),
        ("[]", 40000),
        ('"text"', 40000),
        ('{"data": 5}', 40011),
        ('{"data": "%", "encoding": "base64"}', 40013),
        ('{"name": 5}', 40000),
        ('{"data": "' + "x" * 70_000 + '"}', 40009),
    ],
    ids=["not JSON", "no message", "not an object", "number", "not base64", "name", "too large"],
)
async def test_what_cannot_be_published_is_refused_with_its_code(body: str, code: int) -> None:
    async with SimulatedAbly(KEY) as ably, http(ably) as client:
        answer = await client.post(MESSAGES, content=body, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)
        assert answer.headers["X-Ably-Errorcode"] == str(code)


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "start=yesterday"])
async def test_a_history_request_that_makes_no_sense_is_refused(query: str) -> None:
    async with SimulatedAbly(KEY) as ably, http(ably) as client:
        assert (await client.get(f"{MESSAGES}?{query}")).status_code == 400


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "Basic " + base64.b64encode(b"app.key:wrong").decode(),
        "Bearer " + base64.b64encode(b"no.token").decode(),
        "Bearer ü",
        "Digest x",
    ],
)
async def test_wrong_credentials_are_refused(authorization: str | None) -> None:
    async with SimulatedAbly(KEY) as ably, httpx.AsyncClient(trust_env=False) as client:
        headers = [] if authorization is None else [(b"Authorization", authorization.encode())]
        answer = await client.get(f"http://{ably.endpoint}:{ably.port}{MESSAGES}", headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, 40101)


async def test_a_key_without_a_colon_is_malformed() -> None:
    async with SimulatedAbly(KEY) as ably, httpx.AsyncClient(trust_env=False) as client:
        header = {"Authorization": "Basic " + base64.b64encode(b"nonsense").decode()}
        answer = await client.get(f"http://{ably.endpoint}:{ably.port}{MESSAGES}", headers=header)
        assert answer.json()["error"]["code"] == 40005


async def test_a_token_request_signed_with_another_secret_is_refused() -> None:
    async with SimulatedAbly(KEY) as ably, rest(ably, key="app.key:wrong") as client:
        with pytest.raises(AblyException, match="not signed with this key"):
            await client.channels.get("signals").history()


async def test_an_expired_token_is_renewed_by_the_client() -> None:
    now = [system_clock()]
    async with SimulatedAbly(KEY, clock=lambda: now[0], token_ttl_ms=1000) as ably, rest(ably) as client:
        channel = client.channels.get("signals")
        await channel.history()
        now[0] += 1001
        await channel.history()
        assert list(ably.rest_requests).count("POST /keys/app.key/requestToken") == 2


async def test_history_needs_its_own_permission() -> None:
    async with SimulatedAbly(KEY, capability={"signals": ["publish"]}) as ably, http(ably) as client:
        assert (await client.post(MESSAGES, json={"data": "x"})).status_code == 201
        answer = await client.get(MESSAGES)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, 40160)


@pytest.mark.parametrize(
    ("pattern", "channel", "allowed"),
    [("*", "any:thing", True), ("ns:*", "ns:a:b", True), ("ns:*", "other:a", False), ("ns:*:c", "ns:b:c", True)],
)
async def test_a_wildcard_stands_for_whole_segments(pattern: str, channel: str, allowed: bool) -> None:
    async with SimulatedAbly(KEY, capability={pattern: ["history"]}) as ably, http(ably) as client:
        answer = await client.get(f"/channels/{channel}/messages")
        assert answer.is_success is allowed


async def test_requests_can_be_made_to_fail_a_number_of_times() -> None:
    async with SimulatedAbly(KEY) as ably, http(ably) as client:
        ably.fail_requests(AblyError(50000, 500, "internal error"), times=2)
        assert [(await client.get(MESSAGES)).status_code for _ in range(3)] == [500, 500, 200]


async def test_an_unknown_address_is_answered_with_404() -> None:
    async with SimulatedAbly(KEY) as ably, http(ably) as client:
        assert (await client.get("/nowhere")).status_code == 404


def test_an_address_others_can_reach_is_refused_unless_allowed() -> None:
    with pytest.raises(NotLoopbackError, match="other machines"):
        SimulatedAbly(KEY, host="0.0.0.0")
    SimulatedAbly(KEY, host="0.0.0.0", allow_remote=True)


def test_a_key_that_is_none_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="has the form"):
        SimulatedAbly("nonsense")
