"""What the processes log: one line for each thing that happened, and nothing of the libraries' own talk."""

import asyncio
import logging
import re
import struct
import sys
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from ib_insync import IB
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from rebalancing.account_names import AccountNames
from simulator.ably.server import SimulatedAbly
from simulator.gateway.faults import FaultMatch, FaultRule
from simulator.gateway.server import SimulatedGateway
from starter.cli.logs import (
    LONGEST_LINE,
    MOST_LINES,
    OURS,
    WINDOW,
    OneLine,
    Rationed,
    WithNames,
    without_known_tracebacks,
)
from testbed.addresses import ably_at, gateway_at
from testbed.temporal_server import temporal_server
from testbed.waiting import until
from tests.cli.command import Desk, Service, desk, service
from tests.house import Holding, scenario
from tests.source_tree import APPLICATION
from worker.free_ports import free_port

ACCOUNTS = """\
concurrency: {settling_period: 0, max_concurrent_rebalances: 1}
accounts:
  - account_id: DU1
    strategy_name: blend
    allocations: [{symbol: QQQ, allocation: 0.6}, {symbol: GLD, allocation: 0.4}]
"""
A_LINE = re.compile(r"\d\d:\d\d:\d\d (INFO|WARNING|ERROR) +\S")
KEY = "app.key:very-secret"


def is_calm(told: Service) -> None:
    """Every line is one of our own form; none is a traceback or an object of a library."""
    for line in told.errors.splitlines():
        assert A_LINE.match(line), told.errors
        assert len(line) <= LONGEST_LINE + 1
    for noise in ("Traceback", "Trade(", "Contract(", "ib_insync"):
        assert noise not in told.errors, told.errors


class Between:
    """Stands between a client and the gateway: counts connections, and slips frames in towards the client."""

    def __init__(self, gateway_port: int) -> None:
        self.connections = 0
        self._gateway_port = gateway_port
        self._clients: list[asyncio.StreamWriter] = []

    def slip_in(self, *frames: bytes) -> None:
        """Send frames as if the gateway had."""
        for payload in frames:
            self._clients[-1].write(struct.pack(">I", len(payload)) + payload)

    async def relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one client."""
        self.connections += 1
        self._clients.append(writer)
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._gateway_port)
        await asyncio.gather(_pump(reader, up_writer), _pump(up_reader, writer), return_exceptions=True)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
    writer.close()


class Stage:
    """A Temporal server, a gateway, who stands before it, and a desk that knows where they are."""

    def __init__(self, gateway: SimulatedGateway, between: Between, own: Desk) -> None:
        self.gateway, self.between, self.own = gateway, between, own


@asynccontextmanager
async def stage(folder: Path, **market: Any) -> AsyncGenerator[Stage]:
    """Everything but the processes of the application."""
    async with AsyncExitStack() as stack:
        temporal = await stack.enter_async_context(temporal_server())
        gateway = await stack.enter_async_context(SimulatedGateway(scenario({"DU1": Holding()}, **market)))
        between = Between(gateway.port)
        server = await stack.enter_async_context(await asyncio.start_server(between.relay, "127.0.0.1", 0))
        port = server.sockets[0].getsockname()[1]
        own = desk(folder, ACCOUNTS, TEMPORAL_ADDRESS=temporal.address, **gateway_at(port))
        yield Stage(gateway, between, own)


async def test_a_rebalance_is_told_line_by_line_and_a_rejected_order_in_one(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        match = FaultMatch(request="placeOrder", symbol="GLD")
        on.gateway.add_fault(FaultRule(action="reject", match=match, code=201, text="Order rejected - reason:No."))
        async with service(on.own, "worker") as worker:
            await on.own.run("run", "DU1", "--live", "--wait", "--event-id", "may")
    is_calm(worker)
    said = [line.split(maxsplit=2)[2] for line in worker.errors.splitlines() if " DU1: " in line]
    told = [re.sub(r" \[(?:event may, )?run [0-9a-f]{8}\]$", "", line) for line in said]
    assert all(line != bare for line, bare in zip(said, told, strict=True)), said
    began, waiting, *orders, ended = told
    assert began == "DU1: rebalance by blend started for may"
    assert waiting == "DU1: waiting for its turn"
    assert [line.startswith("DU1: sent BUY") for line in orders] == [True, True, False, False]
    assert ended.startswith("DU1: incomplete: rebalance: 2 orders")
    (rejected,) = [line for line in told if "rejected, 0 filled" in line]
    assert "Order rejected - reason:No. (code 201)" in rejected
    assert any(re.search(r"QQQ filled, \d+ filled at \d+\.\d\d, commission \d\.\d\d \(rb-", line) for line in told)


async def test_a_healthy_standby_says_once_that_it_waits(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        holder = IB()
        await holder.connectAsync("127.0.0.1", on.gateway.port, clientId=7)
        try:
            async with service(on.own, "worker") as standby:
                await until(lambda: on.between.connections >= 4)
        finally:
            holder.disconnect()
    is_calm(standby)
    _in_use, line = standby.errors.splitlines()
    assert "normal for a standby worker" in line


async def test_a_gateway_that_is_away_is_told_in_one_line(tmp_path: Path) -> None:
    async with stage(tmp_path) as on:
        on.own.variables["IBKR_PORT"] = str(free_port())
        async with service(on.own, "worker") as worker:
            await worker.until("No gateway at")
    is_calm(worker)
    assert len(worker.errors.splitlines()) == 2  # the version of the configuration, and this


async def test_garbage_from_the_gateway_is_bounded_and_makes_no_line_of_its_own(tmp_path: Path) -> None:
    forged = "\n12:00:00 INFO    DU1: completed: all is well"
    async with stage(tmp_path) as on, service(on.own, "worker") as worker:
        await worker.until("connected to the gateway")
        unreadable = b"\0".join([b"5", *[b"garbage"] * 20_000, b""])
        on.between.slip_in(*[unreadable] * 50)
        on.between.slip_in(
            *[f"4\0002\000-1\000{999 + n}\000{forged}{'x' * 100_000}\000\000".encode() for n in range(50)]
        )
        on.between.slip_in(*[b"61\0003\000DU1\000x\000y\000z\000\000" for _ in range(50)])
        answer = await on.own.run("run", "DU1", "--wait")
        assert answer.status == 0, answer.errors
    is_calm(worker)
    assert len(worker.errors.splitlines()) < 4 * MOST_LINES
    assert "a message of the gateway could not be taken in" in worker.errors
    assert "the gateway says:" in worker.errors


async def test_ably_out_of_reach_is_one_line_for_each_attempt_and_they_grow_rare(tmp_path: Path) -> None:
    async with temporal_server() as temporal:
        own = desk(tmp_path, ACCOUNTS, TEMPORAL_ADDRESS=temporal.address, **ably_at(free_port(), KEY))
        async with service(own, "listen") as listener:
            await listener.until("the connection to Ably is replaced")
    is_calm(listener)
    assert "very-secret" not in listener.errors
    assert len(listener.errors.splitlines()) < 20


async def test_events_that_temporal_does_not_take_are_one_line_until_it_does(tmp_path: Path) -> None:
    async with AsyncExitStack() as temporal, SimulatedAbly(KEY) as ably:
        server = await temporal.enter_async_context(temporal_server())
        own = desk(tmp_path, ACCOUNTS, TEMPORAL_ADDRESS=server.address, **ably_at(ably.port, KEY))
        async with service(own, "listen") as listener:
            await listener.until("Ably connection: connected")
            await temporal.aclose()
            for _ in range(20):
                ably.publish("blend", {"execution": "rebalance"})
            await listener.until("kept until it can be accepted")
            await asyncio.sleep(1)
        assert listener.errors.count("kept until it can be accepted") == 1
    is_calm(listener)


async def test_a_cancel_under_a_limit_of_concurrent_rebalances_leaves_no_traceback(tmp_path: Path) -> None:
    async with stage(tmp_path, latency={"fill": (60, 60)}) as on, service(on.own, "worker") as worker:
        waiting = await on.own.start("run", "DU1", "--live", "--wait")
        await worker.until("sent BUY", times=2)
        assert (await on.own.run("cancel", "DU1")).status == 0
        await waiting.communicate()
    is_calm(worker)
    assert "DU1: cancelled: cancelled; filled: BUY 0/" in worker.errors


def record(error: BaseException, name: str) -> logging.LogRecord:
    try:
        raise error
    except BaseException:
        return logging.LogRecord(name, logging.WARNING, __file__, 1, "no luck", None, sys.exc_info())


def test_an_error_whose_message_says_all_is_one_line() -> None:
    away = record(RPCError("connection refused", RPCStatusCode.UNAVAILABLE, b""), "starter.ably.channel_inbox")
    assert without_known_tracebacks(away)
    assert OneLine().format(away).endswith("no luck: connection refused")


def test_an_activity_that_was_told_to_end_is_no_news() -> None:
    assert not without_known_tracebacks(record(asyncio.CancelledError("Activity cancelled"), "temporalio.activity"))


def test_a_defect_in_an_activity_keeps_its_traceback() -> None:
    defect = ApplicationError("'QQQ'", type="KeyError")
    defect.__cause__ = KeyError("QQQ")
    told = record(defect, "temporalio.activity")
    assert without_known_tracebacks(told)
    assert "Traceback" in OneLine().format(told)


@pytest.mark.parametrize("text", ["a\nb", "a\r\nb", "a\x1b[2Jb", "a\u2028b", "a\x00b"])
def test_no_text_from_outside_can_begin_a_line_or_steer_a_terminal(text: str) -> None:
    made = logging.LogRecord("starter", logging.INFO, __file__, 1, "%s", (text,), None)
    line = OneLine().format(made)
    assert line.splitlines() == [line]
    assert line.isprintable()


def test_what_is_said_too_often_is_counted() -> None:
    now = 0.0
    rationed = Rationed(lambda: now)

    def shown(name: str = "eventkit") -> str:
        made = logging.LogRecord(name, logging.ERROR, __file__, 1, "bad", None, None)
        return made.getMessage() if rationed.filter(made) else ""

    assert [shown() for _ in range(MOST_LINES + 5)] == ["bad"] * MOST_LINES + [""] * 5
    assert shown("starter") == "bad"
    now = WINDOW
    made = logging.LogRecord("eventkit", logging.ERROR, __file__, 1, "bad", None, None)
    assert rationed.filter(made)
    assert made.getMessage() == "bad (5 more like it before)"


def test_every_folder_of_ours_is_heard() -> None:
    """A folder that is left out says nothing but warnings, such as that a changed file was taken on."""
    assert set(OURS) == {*APPLICATION, "simulator"}


def test_whoever_writes_a_line_the_account_in_it_is_called_by_its_alias() -> None:
    form = WithNames(OneLine(), lambda: AccountNames(numbers={"pension": "U7654321"}))
    try:
        raise ValueError("no U7654321 here")
    except ValueError:
        record = logging.LogRecord("other", logging.ERROR, "", 0, "of %s, U76543210", ("(U7654321)",), sys.exc_info())
    line = form.format(record)
    assert "of (pension), U76543210" in line
    assert "ValueError: no pension here" in line
