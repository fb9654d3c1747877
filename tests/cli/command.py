"""The command ``rebalancer`` as people run it: a process of its own, in a folder of its own."""

import asyncio
import json
import os
import pty
import signal
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from testbed.addresses import clean_environment, temporal_at
from testbed.installation import REBALANCER, START_TIMEOUT
from worker.free_ports import free_ports
from worker.temporal import temporal_command

ACCOUNTS: Final = """\
concurrency: {settling_period: 0}
accounts:
  - account_id: DU1000001
    strategy_name: blend
    allocations: [{symbol: QQQ, allocation: 0.6}, {symbol: BND, allocation: 0.4}]
  - account_id: DU1000004
    strategy_name: blend
    allocations: [{symbol: QQQ, allocation: 0.6}, {symbol: CASH, allocation: 0.4}]
  - account_id: DU1000005
    strategy_name: other
    enabled: false
"""

ENDS_WITHIN: Final = 30.0
"""Seconds for a command that was told to stop."""

SLOW_MARKET: Final = """\
hours: always_open
latency: {fill: [60, 61]}
accounts: [{account: DU1000001, cash: "100000.00"}, {account: DU1000004, cash: "100000.00"}]
instruments: [{symbol: QQQ, price: "612.30"}, {symbol: BND, price: "74.40"}]
"""
"""A market in which an order works for a minute before it fills."""


@dataclass(frozen=True)
class Answer:
    """What a command left."""

    status: int
    output: str
    errors: str


@dataclass
class Desk:
    """A folder with an ``accounts.yaml``, and the environment commands run in. ``program`` is the command's path.

    ``port`` and ``http_port`` are where ``up`` has Temporal and the HTTP API, once it was started.
    """

    folder: Path
    variables: dict[str, str] = field(default_factory=dict[str, str])
    program: str = REBALANCER
    port: int = 0
    http_port: int = 0

    async def run(self, *arguments: str, timeout: float = 60) -> Answer:
        """Run a command to its end."""
        process = await self.start(*arguments)
        async with asyncio.timeout(timeout):
            output, errors = await process.communicate()
        assert process.returncode is not None
        return Answer(process.returncode, output.decode(), errors.decode())

    async def standings(self, *account: str) -> list[dict[str, Any]]:
        """What ``status`` tells of the accounts, or of one."""
        answer = await self.run("status", *account, "--json")
        return json.loads(answer.output)["accounts"] if answer.output else []

    async def start(self, *arguments: str) -> asyncio.subprocess.Process:
        """Start a command."""
        return await asyncio.create_subprocess_exec(
            self.program,
            *arguments,
            cwd=self.folder,
            env={**clean_environment(), **self.variables},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def run_at_terminal(self, *arguments: str, typed: str, timeout: float = 60) -> Answer:
        """Run a command to its end at a terminal of its own, where this is typed; its errors are what that shows."""
        environment = {**clean_environment(), **self.variables}
        return await at_terminal([self.program, *arguments], self.folder, environment, typed, timeout)

    @asynccontextmanager
    async def until_killed(self, *arguments: str) -> AsyncGenerator[asyncio.subprocess.Process]:
        """Run a command for as long as the block; then kill -9, and the pipes read to their end."""
        process = await self.start(*arguments)
        try:
            yield process
        finally:
            process.kill()
            await process.communicate()


def desk(folder: Path, accounts: str | None = ACCOUNTS, **variables: str) -> Desk:
    """A desk in ``folder``, where its tokens are too."""
    if accounts is not None:
        (folder / "accounts.yaml").write_text(accounts, encoding="utf-8")
    return Desk(folder, {"XDG_CONFIG_HOME": str(folder / "config"), **variables})


async def at_terminal(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], says: str, timeout: float = 60
) -> Answer:
    """Run this to its end at a terminal of its own, where ``says`` is typed; its errors are what that shows."""
    ours, theirs = pty.openpty()
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=folder,
            env=environment,
            stdin=theirs,
            stdout=asyncio.subprocess.PIPE,
            stderr=theirs,
            start_new_session=True,
        )
        os.write(ours, says.encode())
        async with asyncio.timeout(timeout):
            output, _ = await process.communicate()
        os.set_blocking(ours, False)
        shown = b""
        with suppress(BlockingIOError):
            while part := os.read(ours, 65536):
                shown += part
    finally:
        os.close(theirs)
        os.close(ours)
    assert process.returncode is not None
    return Answer(process.returncode, output.decode(), shown.decode())


def shell(own: Desk) -> Mapping[str, str]:
    """What a shell of the operator's has: ``rebalancer`` and ``temporal`` in its path, the desk's folder as home."""
    commands = f"{Path(sys.executable).parent}:{Path(temporal_command()).parent}"
    environment = clean_environment()
    path = f"{commands}:{environment['PATH']}"
    return {**environment, **own.variables, "HOME": str(own.folder), "PATH": path}


async def typed(own: Desk, *lines: str) -> Answer:
    """Have a shell of the operator's do this."""
    process = await asyncio.create_subprocess_exec(
        "sh", "-ec", "\n".join(lines), cwd=own.folder, env=shell(own),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    output, errors = await process.communicate()
    assert process.returncode is not None
    return Answer(process.returncode, output.decode(), errors.decode())


async def typed_at_terminal(own: Desk, line: str, says: str) -> Answer:
    """The same of a line that asks somebody, who answers with ``says``."""
    return await at_terminal(["sh", "-ec", line], own.folder, shell(own), says)


class Service:
    """A command that stays. ``errors`` is its log so far."""

    def __init__(self, process: asyncio.subprocess.Process, stream: asyncio.StreamReader | None = None) -> None:
        """``stream``: what its log comes by, where that is not its standard error."""
        log = stream or process.stderr
        assert log is not None
        self.errors = ""
        self.process = process
        self._stream = log
        self._grown = asyncio.Condition()
        self._has_ended = False

    async def read(self) -> None:
        """Take the log in until the command has ended."""
        while line := await self._stream.readline():
            async with self._grown:
                self.errors += line.decode()
                self._grown.notify_all()
        async with self._grown:
            self._has_ended = True
            self._grown.notify_all()

    async def until(self, text: str, times: int = 1) -> None:
        """Return once its log has this text so many times."""
        with suppress(TimeoutError):
            async with asyncio.timeout(START_TIMEOUT), self._grown:
                await self._grown.wait_for(lambda: self._has_ended or self.errors.count(text) >= times)
        assert self.errors.count(text) >= times, f"the command did not say {text!r}: {self.errors}"


@asynccontextmanager
async def service(own: Desk, *arguments: str) -> AsyncGenerator[Service]:
    """Run a command for as long as the block, then end it with a signal, which is its normal end; or it was killed."""
    process = await own.start(*arguments)
    told = Service(process)
    reading = asyncio.create_task(told.read())
    try:
        yield told
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(ENDS_WITHIN):
            await process.wait()
            await reading
    assert process.returncode in (0, -signal.SIGKILL), told.errors


@asynccontextmanager
async def up(
    own: Desk, *arguments: str, until: str = "connected to the gateway"
) -> AsyncGenerator[asyncio.subprocess.Process]:
    """``rebalancer up`` on free ports, from the moment it says ``until``; the desk's commands go to it."""
    own.port, ui_port, own.http_port = free_ports(3)
    own.variables |= temporal_at(own.port)
    ports = ("--port", str(own.port), "--ui-port", str(ui_port), "--http-port", str(own.http_port))
    async with service(own, "up", *ports, *arguments) as told:
        await told.until(until)
        yield told.process
