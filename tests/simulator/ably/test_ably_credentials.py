"""Tokens and JWTs, in the header or in the query; a token never allows more than its key."""

import base64
import hashlib
import hmac
import json
from typing import Any

import aiohttp
import httpx
import pytest
from ably import AblyException

from simulator.ably import SimulatedAbly
from simulator.ably.server import system_clock
from tests.simulator.ably.clients import KEY, WAIT, realtime, rest

MESSAGES = "/channels/signals/messages"
SUBSCRIBER = json.dumps({"signals": ["subscribe", "history"]})


def part(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def jwt(capability: str | None = None, *, secret: str = "secret", header: Any = None, **claims: Any) -> str:
    """A JWT as a backend would sign it, good for an hour."""
    now = system_clock() // 1000
    told = {"iat": now, "exp": now + 3600, **({"x-ably-capability": capability} if capability else {}), **claims}
    named = {"alg": "HS256", "typ": "JWT", "kid": "app.key", **(header or {})}
    signed = ".".join(part(json.dumps(one).encode()) for one in (named, told))
    return f"{signed}.{part(hmac.digest(secret.encode(), signed.encode(), hashlib.sha256))}"


def http(ably: SimulatedAbly) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=f"http://{ably.endpoint}:{ably.port}", trust_env=False)


async def test_the_client_library_reads_and_listens_with_a_jwt() -> None:
    token = jwt(SUBSCRIBER)
    async with (
        SimulatedAbly(KEY) as ably,
        rest(ably, key=None, token=token, use_token_auth=None) as reader,
        realtime(ably, key=None, token=token) as client,
    ):
        ably.publish("signals", "x")
        page = await reader.channels.get("signals").history()
        assert [message.data for message in page.items] == ["x"]
        with pytest.raises(AblyException, match="not permitted"):
            await reader.channels.get("signals").publish("event", "y")
        await client.channels.get("signals").attach()


@pytest.mark.parametrize("name", ["accessToken", "access_token"])
async def test_a_token_may_be_in_the_query_of_a_request_and_of_a_websocket(name: str) -> None:
    async with SimulatedAbly(KEY) as ably, http(ably) as client, aiohttp.ClientSession() as session:
        query = {name: jwt()}
        assert (await client.get(MESSAGES, params=query)).status_code == 200
        async with session.ws_connect(f"http://{ably.endpoint}:{ably.port}/", params=query) as socket:
            assert (await socket.receive_json(timeout=WAIT))["action"] == 4


@pytest.mark.parametrize(
    ("token", "code"),
    [
        (jwt(secret="wrong"), 40101),
        (jwt(header={"kid": "other.key"}), 40101),
        (jwt(header={"alg": "none"}), 40144),
        (jwt(header={"alg": "HS512"}), 40144),
        (jwt(iat=3600, exp=1), 40144),
        (jwt(iat=1, exp=90_000), 40144),
        (jwt(exp="soon"), 40144),
        (jwt(iat=1, exp=3600), 40142),
        (jwt("[]"), 40000),
        (jwt(**{"x-ably-token": "other"}), 40000),
        ("a.b.c", 40144),
        ("..", 40144),
    ],
)
async def test_a_jwt_that_is_not_right_is_refused_with_its_code(token: str, code: int) -> None:
    async with SimulatedAbly(KEY) as ably, http(ably) as client:
        for answer in (
            await client.get(MESSAGES, headers={"Authorization": f"Bearer {token}"}),
            await client.get(MESSAGES, params={"accessToken": token}),
        ):
            assert answer.json()["error"]["code"] == code


async def test_a_token_allows_only_what_its_key_allows_as_well() -> None:
    wish = json.dumps({"*": ["history", "publish"]})
    async with SimulatedAbly(KEY, capability={"signals": ["history"]}) as ably, http(ably) as client:
        issued = await client.post("/keys/app.key/requestToken", json={"capability": wish}, auth=("app.key", "secret"))
        for token in (issued.json()["token"], jwt(wish)):
            header = {"Authorization": f"Bearer {token}"}
            assert (await client.get(MESSAGES, headers=header)).status_code == 200
            assert (await client.post(MESSAGES, json={"data": "x"}, headers=header)).status_code == 401
            assert (await client.get("/channels/other/messages", headers=header)).status_code == 401
