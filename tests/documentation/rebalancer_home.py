"""Where the lines of the ``rebalancer`` command are typed: an empty home with a shell, and a house once one is needed.

The house is in this process (``tests/house.py``). Its account follows the pages' strategy, whose target a deed changes
to have something to trade.
"""

import asyncio
import itertools
import os
import pty
import re
import signal
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

from temporalio.client import WorkflowHandle

from rebalancing.outcomes import Phase
from starter.cli.mistakes import DONE
from testbed.addresses import gateway_at
from tests.cli.command import ENDS_WITHIN, Answer, Desk, Service, desk, shell, typed, typed_at_terminal
from tests.house import Holding, House, configuration, house, phase_reached, quick_settings
from worker.free_ports import free_port

T = TypeVar("T")

ACCOUNT: Final = "DU7654321"
STRATEGY: Final = "etf-blend-301-20"
"""Those of the pages."""

SYMBOLS: Final = ("QQQ", "SPY")
SLOW: Final = "EDC"
"""Of it limit orders find one share, and work for the rest."""

_MORE: Final[Mapping[str, Any]] = {"strategy_name": STRATEGY}

SETTINGS: Final = quick_settings().model_copy(update={"figures_lag": 1})
"""A connection that is made anew, as after an order of unknown fate, has what was filled before waited for so long."""

ACCOUNTS: Final = f"""\
concurrency: {{settling_period: 0}}
http: {{port: PORT}}
accounts:
  - account_id: {ACCOUNT}
    strategy_name: {STRATEGY}
    allocations: [{{symbol: QQQ, allocation: 1.0}}]
"""
"""Of the desk. Where the HTTP API listens is for the test to choose: 8000 may be taken."""


_PIPE: Final = asyncio.subprocess.PIPE


@dataclass
class Typing:
    """A line, and what came of it. A deed says beforehand what is otherwise than on the page."""

    text: str
    folder: Path | None = None
    variables: Mapping[str, str] = field(default_factory=dict[str, str])
    says: str = ""
    """What is answered at a terminal; where it is empty, nobody sits at one."""
    status: int = DONE
    ready: Callable[[Service], Awaitable[object]] | None = None
    """Of a line that stays: returns once it does what it is for. Then Ctrl-C is typed."""
    at_terminal: bool = False
    """Its output is one, which is where it shows something before its end."""
    lasts: bool = False
    """It stays until the end of its page, or the next line that does."""
    answer: Answer = field(default_factory=lambda: Answer(DONE, "", ""))

    @property
    def told(self) -> str:
        """All that was shown, in one line."""
        return " ".join((self.answer.output + self.answer.errors).split())

    def replace(self, pattern: str, there: str) -> None:
        """Put what there is in the place of what the page has."""
        self.text, count = re.subn(pattern, lambda _: there, self.text)
        assert count, f"{pattern} is not in {self.text}"


class Home:
    """A folder that is somebody's home, a shell in it, and what runs around it."""

    def __init__(self, folder: Path, stack: AsyncExitStack) -> None:
        self.desk = desk(folder, ACCOUNTS.replace("PORT", str(free_port())))
        self.keys = folder / "config"
        """The folder of the keys' file. Where the house has no key, a line that makes one has a folder of its own."""
        self.symbol = SYMBOLS[0]
        """What the account shall hold."""
        self._stack = stack
        self._own: House | None = None
        self._events = itertools.count()
        self._stays: AsyncExitStack | None = None
        self._worker: AsyncExitStack | None = None

    @property
    def folder(self) -> Path:
        """Where the lines are typed."""
        return self.desk.folder

    async def house(self) -> House:
        """Its house, which is put up for the first line that needs one. The desk's commands go to it."""
        if self._own is None:
            account = Holding(weights={"QQQ": "1"}, more=_MORE)  # as accounts.yaml of the desk has it
            instruments = {SLOW: {"depth": 1}}
            self._own = await self._stack.enter_async_context(
                house({ACCOUNT: account}, settings=SETTINGS, workers=0, instruments=instruments)
            )
            await self._have_a_worker(self._own)
            self.desk.variables |= {**self._own.variables, **gateway_at(self._own.gateway.port)}
        return self._own

    async def _have_a_worker(self, own: House) -> None:
        if self._worker is None:
            self._worker = await self._stack.enter_async_context(AsyncExitStack())
            await self._worker.enter_async_context(own.working())

    async def end_the_worker(self) -> None:
        """Until something has to trade that is not asked for by what stays."""
        if self._worker is not None:
            ending, self._worker = self._worker, None
            await ending.aclose()

    async def wants(self, symbol: str | None = None, *, asks: bool = False) -> House:
        """The house, whose account shall hold something else than before; with ``asks`` it waits for a person first."""
        own = await self.house()
        await self.end_what_stays()
        await self._have_a_worker(own)
        approval = {"approval": {"required": "always"}} if asks else {}
        policy = {"symbol_order_policies": {SLOW: {"type": "LMT"}}} if symbol == SLOW else {}
        held = own.gateway.engine.accounts[ACCOUNT].positions
        self.symbol = symbol or next(each for each in SYMBOLS if not held.get(each))
        holding = Holding(weights={self.symbol: "1"}, more={**_MORE, **approval, **policy})
        own.configuration = configuration({ACCOUNT: holding}, SETTINGS)
        own.in_use.use(own.configuration)
        return own

    async def begun(self, phase: Phase) -> WorkflowHandle[Any, Any]:
        """A live rebalance that has come so far."""
        own = await self.house()
        handle = await own.trigger(ACCOUNT, f"event-{next(self._events)}")
        await phase_reached(handle, phase)
        return handle

    def beside(self, name: str, accounts: str | None = None) -> Path:
        """Another folder, with an ``accounts.yaml`` of its own."""
        folder = self.folder / name
        folder.mkdir()
        if accounts is not None:
            (folder / "accounts.yaml").write_text(accounts, encoding="utf-8")
        return folder

    def key_variables(self) -> Mapping[str, str]:
        """For a line about keys."""
        if self._own is not None and not (self.keys / "rebalancer" / "key").exists():
            self.keys = self.folder / "keys-of-their-own"
        return {"XDG_CONFIG_HOME": str(self.keys)}

    async def enter(self, service: AbstractAsyncContextManager[T]) -> T:
        """Have this run until the end of the page."""
        return await self._stack.enter_async_context(service)

    async def type(self, line: Typing) -> None:
        """Have a shell do what the line says."""
        own = self.desk
        if line.folder or line.variables:
            own = Desk(line.folder or own.folder, {**own.variables, **line.variables})
        if line.ready is not None:
            await self._stay(own, line)
        elif line.says:
            line.answer = await typed_at_terminal(own, line.text, line.says)
        else:
            line.answer = await typed(own, line.text)

    async def _stay(self, own: Desk, line: Typing) -> None:
        await self.end_what_stays()
        self._stays = AsyncExitStack()
        await self._stays.enter_async_context(_staying(own, line))
        if not line.lasts:
            await self.end_what_stays()

    async def end_what_stays(self) -> None:
        """Type Ctrl-C where something stays."""
        if self._stays is not None:
            staying, self._stays = self._stays, None
            await staying.aclose()


@asynccontextmanager
async def home(folder: Path) -> AsyncGenerator[Home]:
    """An empty home; what stays in it is ended before its house."""
    async with AsyncExitStack() as stack:
        own = Home(folder, stack)
        try:
            yield own
        finally:
            await own.end_what_stays()


@asynccontextmanager
async def _staying(own: Desk, line: Typing) -> AsyncGenerator[None]:
    """Have a shell become what the line calls, so that Ctrl-C reaches it as at a terminal, which is its normal end."""
    assert line.ready is not None
    async with AsyncExitStack() as stack:
        screen, output = await stack.enter_async_context(_terminal()) if line.at_terminal else (None, _PIPE)
        with _ctrl_c_is_heeded():
            process = await asyncio.create_subprocess_exec(
                "sh", "-ec", f"exec {line.text}", cwd=own.folder, env=shell(own), stdin=asyncio.subprocess.DEVNULL,
                stdout=output, stderr=asyncio.subprocess.STDOUT,
            )  # fmt: skip
        async with _until_ctrl_c(Service(process, screen or process.stdout), line):
            yield


@asynccontextmanager
async def _until_ctrl_c(told: Service, line: Typing) -> AsyncGenerator[None]:
    """Once it is ready, the block; then Ctrl-C, and its end."""
    assert line.ready is not None
    reading = asyncio.create_task(told.read())
    try:
        await line.ready(told)
        yield
    finally:
        with suppress(ProcessLookupError):
            told.process.send_signal(signal.SIGINT)
        async with asyncio.timeout(ENDS_WITHIN):
            status = await told.process.wait()
        reading.cancel()
        line.answer = Answer(status, told.errors, "")
    assert status == line.status, f"{line.text}: {status}: {told.errors}"


@asynccontextmanager
async def _terminal() -> AsyncGenerator[tuple[asyncio.StreamReader, int]]:
    """What a terminal of its own shows, and where that is written to."""
    ours, theirs = pty.openpty()
    screen = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(screen), os.fdopen(ours, "rb", 0)
    )
    try:
        yield screen, theirs
    finally:
        transport.close()
        os.close(theirs)


@contextmanager
def _ctrl_c_is_heeded() -> Generator[None]:
    """A shell's background job has SIGINT ignored, and so have processes that it starts: not those of this block."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def says(text: str) -> Callable[[Service], Awaitable[object]]:
    """Ready once it has said this."""
    return lambda service: service.until(text)
