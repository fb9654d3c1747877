"""``rebalancer check``: what is in order, and for everything that is not, what to do about it."""

import asyncio
import socket
import struct
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from simulator.ably.server import SimulatedAbly
from simulator.allocations.server import SimulatedAllocations
from simulator.gateway.clock import OffsetClock
from simulator.gateway.server import SimulatedGateway
from starter.cli.check import check_gateway
from starter.cli.mistakes import CommandFailed
from testbed.addresses import ably_at, allocations_at, gateway_at
from testbed.temporal_server import temporal_server
from tests.cli.command import Desk, desk
from tests.house import Holding, scenario
from worker.free_ports import free_port

ACCOUNTS = """\
accounts:
  - {account_id: DU1, strategy_name: blend}
  - {account_id: DU2, strategy_name: blend}
"""

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def everything(folder: Path) -> AsyncGenerator[Desk]:
    """A desk from which every connection works."""
    async with (
        temporal_server() as temporal,
        SimulatedGateway(scenario({"DU1": Holding(), "DU2": Holding()})) as gateway,
        SimulatedAbly("app.key:secret") as ably,
        SimulatedAllocations({"blend": {"QQQ": 1.0}}, api_key="allocations-key") as allocations,
    ):
        yield desk(
            folder,
            ACCOUNTS,
            TEMPORAL_ADDRESS=temporal.address,
            **gateway_at(gateway.port),
            **ably_at(ably.port, ably.key),
            **allocations_at(allocations.port, allocations.api_key),
        )


async def test_everything_in_order_is_told_and_ends_with_status_0(tmp_path: Path) -> None:
    async with everything(tmp_path) as own:
        answer = await own.run("check")
    assert answer.status == 0, answer.output + answer.errors
    assert [line.split()[:2] for line in answer.output.splitlines()] == [
        ["ok", "configuration"],
        ["ok", "Temporal"],
        ["ok", "history"],
        ["ok", "processes"],
        ["ok", "gateway"],
        ["ok", "Ably"],
        ["ok", "seals"],
        ["ok", "alerts"],
        ["ok", "blend"],
    ]


@pytest.mark.parametrize(
    ("variables", "remedies"),
    [
        ({"TEMPORAL_NAMESPACE": "nowhere"}, ["TEMPORAL_NAMESPACE"]),
        ({"ABLY_API_KEY": "app.key:wrong"}, ["Check the Ably key"]),
        ({"ABLY_API_KEY": ""}, ["set ABLY_API_KEY"]),
        ({"ALLOCATIONS_API_KEY": "wrong"}, ["Check ALLOCATIONS_API_KEY"]),
        ({"ALLOCATIONS_BASE_URL": ""}, ["Set ALLOCATIONS_BASE_URL"]),
    ],
)
async def test_what_is_wrong_is_told_with_what_to_do_and_the_rest_is_checked_all_the_same(
    tmp_path: Path, variables: dict[str, str], remedies: list[str]
) -> None:
    async with everything(tmp_path) as own:
        own.variables.update(variables)
        answer = await own.run("check")
    assert answer.status == 1
    wrong = [line for line in answer.output.splitlines() if line.startswith("WRONG")]
    assert len(wrong) == 1, answer.output
    looked_at = {line.split()[1] for line in answer.output.splitlines()}
    assert looked_at >= {"configuration", "Temporal", "gateway", "Ably", "blend"}
    for remedy in remedies:
        assert remedy in wrong[0]
    assert "Traceback" not in answer.errors
    assert "app.key:" not in answer.output


async def test_nothing_at_all_is_up(tmp_path: Path) -> None:
    own = desk(tmp_path, ACCOUNTS, TEMPORAL_ADDRESS=f"127.0.0.1:{free_port()}", IBKR_PORT=str(free_port()))
    answer = await own.run("check")
    assert answer.status == 1
    assert "No Temporal server answers" in answer.output
    assert "Nothing listens at 127.0.0.1" in answer.output
    assert "There is no key for Ably" in answer.output
    assert "no source of allocations" in answer.output


async def test_a_bad_configuration_is_all_there_is_to_say(tmp_path: Path) -> None:
    answer = await desk(tmp_path, "accounts: []\n").run("check")
    assert answer.status == 1
    assert "found an empty list" in answer.output


async def test_checking_the_gateway_uses_up_no_client_id() -> None:
    async with SimulatedGateway(scenario({"DU1": Holding()})) as gateway:
        assert "server version 176" in await check_gateway("127.0.0.1", gateway.port)
        assert gateway.connections == []


async def test_a_gateway_that_does_not_listen_is_told_with_the_settings_to_look_at() -> None:
    with pytest.raises(CommandFailed, match=r"Nothing listens .*Connection refused.*IBKR_PORT"):
        await check_gateway("127.0.0.1", free_port())


async def test_a_gateway_that_stays_silent_is_told_after_its_time_out() -> None:
    told = pytest.raises(CommandFailed, match=r"does not answer within 0.1 s.*dialog")
    with socket.create_server(("127.0.0.1", 0)) as silent, told:
        await check_gateway("127.0.0.1", silent.getsockname()[1], timeout=0.1)


@pytest.mark.parametrize(("seconds", "words"), [(20, "s behind the gateway's"), (-20, "s ahead of the gateway's")])
async def test_a_clock_that_is_off_the_gateways_is_told(seconds: float, words: str) -> None:
    clock = OffsetClock(datetime.now(UTC) + timedelta(seconds=seconds))
    async with SimulatedGateway(scenario({"DU1": Holding()}), clock=clock) as gateway:
        with pytest.raises(CommandFailed, match=f"{words}.*NTP"):
            await check_gateway("127.0.0.1", gateway.port)
        assert "server version" in await check_gateway("127.0.0.1", gateway.port, clock_tolerance=30)


def _greeting(told: str) -> Serve:
    """A gateway that says this of its time."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        greeting = f"176\0{told}\0".encode()
        writer.write(struct.pack(">I", len(greeting)) + greeting)
        await writer.drain()
        writer.close()

    return serve


@pytest.mark.parametrize("zone", ["Asia/Kathmandu", "America/New_York"])
@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("seconds", [0, 60])
async def test_in_whatever_zone_a_gateway_tells_its_time_it_is_understood(zone: str, named: bool, seconds: int) -> None:
    at = datetime.now(ZoneInfo(zone)) + timedelta(seconds=seconds)
    told = f"{at:%Y%m%d %H:%M:%S} {zone if named else 'EST'}"
    async with await asyncio.start_server(_greeting(told), "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        if not seconds:
            assert told in await check_gateway("127.0.0.1", port)
            return
        with pytest.raises(CommandFailed, match="behind the gateway's"):
            await check_gateway("127.0.0.1", port)


@pytest.mark.parametrize("told", ["", "noon", "20261345 99:99:99 EST", "20261124 04:30:00 Mars/Olympus"])
async def test_a_time_nobody_can_read_does_no_harm(told: str) -> None:
    async with await asyncio.start_server(_greeting(told), "127.0.0.1", 0) as server:
        assert "server version 176" in await check_gateway("127.0.0.1", server.sockets[0].getsockname()[1])


async def _hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def _talk_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    await writer.drain()
    writer.close()


@pytest.mark.parametrize("serve", [_hang_up, _talk_http])
async def test_what_is_no_gateway_is_told_as_such(serve: Serve) -> None:
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        with pytest.raises(CommandFailed, match="is no IB Gateway, or it does not trust this machine"):
            await check_gateway("127.0.0.1", server.sockets[0].getsockname()[1])
