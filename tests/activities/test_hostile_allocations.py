"""Whoever answers in the place of the allocations API gets neither our memory nor our time nor our key."""

import asyncio
import gzip
import os
import tracemalloc
from pathlib import Path

import pytest
from pydantic import SecretStr

import activities.allocations
from activities.allocations import AllocationActivities, allocations_client
from rebalancing.accounts import Account
from rebalancing.errors import AllocationsRefused, AllocationsUnavailable, RebalancerError
from rebalancing.targets import AllocationsInvalid, Targets
from tests.activities.hostile_server import SOUND, Answer, endless, hostile_server, whole
from worker.free_ports import free_port

KEY = "the-key"
MEGABYTE = 1_000_000


def account(**allocations: str) -> Account:
    return Account.model_validate(
        {"account_id": "DU1", "strategy_name": "blend", "type": "paper", "allocations": allocations}
    )


async def read(own: Account, base_url: str | None = None, key: str | None = KEY) -> Targets:
    """What the worker's activity reads for the account."""
    async with allocations_client() as http:
        secret = None if key is None else SecretStr(key)
        reader = AllocationActivities(http, lambda: base_url, secret, configured=lambda _: own)
        return await reader.read_targets(own.without_secrets)


async def test_no_more_of_a_body_is_taken_than_tells_that_it_is_too_long() -> None:
    async with hostile_server(endless(b" " * 65536, most=400 * MEGABYTE)) as server:
        with pytest.raises(AllocationsInvalid, match="more than the 1000000 bytes"):
            await read(account(), server.url)
    assert server.sent < 50 * MEGABYTE  # what the buffers on the way hold


async def test_a_packed_body_is_unpacked_no_further_either() -> None:
    bomb = gzip.compress(bytes(100 * MEGABYTE))
    assert len(bomb) < MEGABYTE
    async with hostile_server(whole(bomb, "200 OK", "Content-Encoding: gzip")) as server:
        tracemalloc.start()
        try:
            with pytest.raises(AllocationsInvalid, match="more than the 1000000 bytes"):
                await read(account(), server.url)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 20 * MEGABYTE


async def test_the_body_of_a_failure_is_not_taken_at_all() -> None:
    answer = endless(b" " * 65536, most=400 * MEGABYTE, status="503 Service Unavailable")
    async with hostile_server(answer) as server:
        with pytest.raises(AllocationsUnavailable, match="answered 503"):
            await read(account(), server.url)
    assert server.sent < 50 * MEGABYTE


@pytest.mark.parametrize("name", ["gzip", "GZIP"])
async def test_a_sound_packed_body_is_read(name: str) -> None:
    async with hostile_server(whole(gzip.compress(SOUND), "200 OK", f"Content-Encoding: {name}")) as server:
        assert (await read(account(), server.url)).tradable == ("QQQ",)


@pytest.mark.parametrize("name", ["br", "gzip, gzip", "zstd"])
async def test_a_body_packed_otherwise_is_refused(name: str) -> None:
    async with hostile_server(whole(SOUND, "200 OK", f"Content-Encoding: {name}")) as server:
        with pytest.raises(AllocationsInvalid, match="was not asked for"):
            await read(account(), server.url)


async def test_a_body_that_only_says_it_is_packed_is_refused() -> None:
    async with hostile_server(whole(SOUND, "200 OK", "Content-Encoding: gzip")) as server:
        with pytest.raises(AllocationsInvalid, match="but is not"):
            await read(account(), server.url)


async def test_a_body_that_comes_byte_by_byte_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activities.allocations, "REQUEST_TIMEOUT", 0.2)
    async with hostile_server(endless(b" ", most=10_000, pause=0.02)) as server, asyncio.timeout(20):
        with pytest.raises(AllocationsUnavailable, match="TimeoutError"):
            await read(account(), server.url)
    assert server.sent < 5_000


async def test_the_key_goes_to_the_base_address() -> None:
    async with hostile_server(whole()) as server:
        await read(account(), server.url)
        await read(account(url=f"{server.url}/another/path"), server.url)
    assert server.keys == [KEY, KEY]


async def test_it_goes_to_no_other_address_of_an_account() -> None:
    async with hostile_server(whole()) as other, hostile_server(whole()) as base:
        await read(account(url=f"{other.url}/weights"), base.url)
        await read(account(url=f"{other.url}/weights"), None)
        await read(account(url=f"http://localhost:{base.port}/weights"), base.url)
    assert (len(other.requests), other.keys, base.keys) == (2, [], [])


@pytest.mark.parametrize("status", ["301 Moved Permanently", "302 Found", "303 See Other", "307 Temporary", "308 P"])
async def test_it_goes_through_no_redirect(status: str) -> None:
    async with (
        hostile_server(whole()) as other,
        hostile_server(whole(b"", status, f"Location: http://127.0.0.1:{other.port}/?key=x")) as base,
    ):
        with pytest.raises(AllocationsRefused, match=r"it has moved"):
            await read(account(), base.url)
    assert other.requests == []


@pytest.mark.parametrize("host", ["allocations.invalid", "192.0.2.1", "127.0.0.1.example", "localhost.example"])
async def test_it_goes_over_no_network_unencrypted(host: str) -> None:
    with pytest.raises(AllocationsRefused, match="unencrypted"):
        await read(account(), f"http://{host}/api")


async def test_without_a_key_an_unencrypted_address_may_be_read() -> None:
    with pytest.raises(AllocationsUnavailable):
        await read(account(), "http://allocations.invalid/api", key=None)


async def test_it_goes_to_no_proxy_on_the_way_to_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    async with hostile_server(whole()) as proxy, hostile_server(whole()) as base:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        await read(account(), base.url)
        await read(account(), f"http://localhost:{base.port}")
    assert (proxy.requests, base.keys) == ([], [KEY, KEY])


@pytest.mark.parametrize("key", ["line\nbreak", "caf\u00e9", "nul\0"])
async def test_a_key_that_cannot_be_sent_is_told_without_showing_it(key: str) -> None:
    async with hostile_server(whole()) as server:
        with pytest.raises(AllocationsRefused, match="characters that cannot be sent") as refused:
            await read(account(), server.url, key)
    assert key not in str(refused.value)


SECRETS = ("hunter2", "t0ken", "p4th", KEY)


@pytest.mark.parametrize(
    "answer",
    [
        whole(b"", "404 Not Found"),
        whole(b"", "401 Unauthorized"),
        whole(b"", "500 Internal Server Error"),
        whole(b"", "302 Found", "Location: https://x:hunter2@elsewhere.example/p4th?t0ken"),
        whole(b"", "the-key hunter2 t0ken"),
        whole(b"no json"),
    ],
)
@pytest.mark.parametrize("is_base", [True, False])
async def test_no_failure_shows_more_of_an_address_than_its_host(answer: Answer, is_base: bool) -> None:
    async with hostile_server(answer) as server:
        address = f"http://user:hunter2@127.0.0.1:{server.port}/p4th?token=t0ken#t0ken"
        with pytest.raises(RebalancerError) as failed:
            await (read(account(), address) if is_base else read(account(url=address), server.url))
    told = everything_told(failed.value)
    assert [secret for secret in SECRETS if secret in told] == []


@pytest.mark.parametrize(
    "address",
    [
        "http://user:hunter2@127.0.0.1:{closed}/p4th?token=t0ken",
        "https://user:hunter2@nowhere.invalid/p4th?token=t0ken",
        "https://user:hunter2@{long}.invalid/p4th?token=t0ken",
        "https://user:hunter2@xn--/p4th?token=t0ken",
        "https://user:hunter2@127.0.0.1:{closed}/p4th\u20ac?token=t0ken",
    ],
)
async def test_nor_does_one_that_leads_nowhere(address: str) -> None:
    own = account(url=address.format(closed=free_port(), long="a" * 70))
    with pytest.raises(RebalancerError) as failed:
        await read(own)
    told = everything_told(failed.value)
    assert [secret for secret in SECRETS if secret in told] == []


def everything_told(error: BaseException | None) -> str:
    """The words of an error and of all that led to it, as Temporal writes them down."""
    told = ""
    while error is not None:
        told += f"{error!r} {error} {error.args}\n"
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return told


async def test_a_file_is_read_no_further_than_it_tells_that_it_is_too_long(tmp_path: Path) -> None:
    with (tmp_path / "long.json").open("wb") as file:
        file.truncate(400 * MEGABYTE)
    tracemalloc.start()
    try:
        with pytest.raises(AllocationsInvalid, match="more than the 1000000 bytes"):
            await read(account(file=str(tmp_path / "long.json")))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20 * MEGABYTE


async def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(AllocationsRefused, match="no regular file"):
            await read(account(file=str(path)))
