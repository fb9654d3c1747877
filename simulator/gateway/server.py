"""The simulated IB Gateway as one object: listens on a socket, runs the engine, keeps the request log.

    async with SimulatedGateway(scenario) as gateway:
        await IB().connectAsync("127.0.0.1", gateway.port, clientId=1)

It lives in the event loop it is entered in.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from simulator.gateway.clock import Clock, build_clock
from simulator.gateway.control import ControlPort
from simulator.gateway.engine import Engine
from simulator.gateway.events import AccountChanged, Event, PositionChanged, PricesChanged
from simulator.gateway.faults import FaultBook, FaultRule
from simulator.gateway.order_feed import owner_of
from simulator.gateway.request_log import ConnectionRecord, RequestRecord, record_of
from simulator.gateway.requests import Request
from simulator.gateway.scenario import Scenario
from simulator.gateway.session import Session
from simulator.gateway.state import GatewayState
from simulator.loopback import require_loopback

_LOG = logging.getLogger(__name__)
_PRICE_STEP_SECONDS = 1.0
_FIGURES_EVERY_SECONDS = 180.0  # IBKR refreshes account values when a position changes or every three minutes


class SimulatedGateway:
    """A gateway for any number of clients. ``port=0`` and ``control_port=0`` take a free port, ``None`` no control.

    Raises `simulator.loopback.NotLoopbackError` for an address others could reach, unless ``allow_remote``: there is
    no password. With a ``state_file`` the state is read from it at the start, if it exists, and written whenever
    something about an order changed and when the gateway stops.
    """

    def __init__(
        self,
        scenario: Scenario,
        port: int = 0,
        control_port: int | None = None,
        *,
        host: str = "127.0.0.1",
        clock: Clock | None = None,
        state: GatewayState | None = None,
        state_file: Path | None = None,
        allow_remote: bool = False,
    ) -> None:
        require_loopback(host, allow_remote=allow_remote)
        if state is None and state_file is not None and state_file.exists():
            state = GatewayState.load(state_file)
        self.engine = Engine(scenario, clock or build_clock(scenario.clock), state)
        self.faults = FaultBook()
        self.requests: list[RequestRecord] = []
        self.connections: list[ConnectionRecord] = []
        self.host = host
        self._requested_port = port
        # Control stays on loopback even where clients may come from elsewhere: it could do anything.
        self._control = None if control_port is None else ControlPort(self, "127.0.0.1", control_port)
        self._state_file = state_file
        self._unsaved = True
        self._server: asyncio.Server | None = None
        self._sessions: dict[int, Session] = {}
        self._serving: set[asyncio.Task[None]] = set()
        self._connected = 0
        self._tasks: list[asyncio.Task[None]] = []
        self._wake = asyncio.Event()
        self.engine.listen(self._on_event)

    # -- life --------------------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        """Start listening."""
        if self._control:
            await self._control.start()
        try:
            self._server = await asyncio.start_server(self._on_connection, self.host, self._requested_port)
        except BaseException:
            if self._control:
                await self._control.stop()
            raise
        self._tasks = [asyncio.create_task(self._drive())]
        engine = self.engine
        if engine.scenario.price_volatility:
            self._tasks.append(asyncio.create_task(self._every(_PRICE_STEP_SECONDS, engine.wander)))
        if engine.scenario.breathing:
            self._tasks.append(asyncio.create_task(self._every(engine.scenario.breathing, engine.breathe)))
            self._tasks.append(asyncio.create_task(self._every(_FIGURES_EVERY_SECONDS, engine.bulletin.publish_all)))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hang up on everybody and stop; the state goes to the state file, if there is one."""
        if self._server:
            self._server.close()
        if self._control:
            await self._control.stop()
        for task in [*self._tasks, *self._serving]:
            task.cancel()
        await asyncio.gather(*self._tasks, *self._serving, return_exceptions=True)
        self._unsaved = True
        self._save()

    @property
    def port(self) -> int:
        """The port that clients connect to."""
        if self._server is None:
            raise RuntimeError("the gateway is not running")
        return self._server.sockets[0].getsockname()[1]

    @property
    def control_port(self) -> int:
        """The port of the HTTP control."""
        if self._control is None:
            raise RuntimeError("the gateway was started without control")
        return self._control.port

    # -- faults ------------------------------------------------------------------------------------------------------

    def add_fault(self, rule: FaultRule) -> None:
        """Put a fault rule in force; one without a match happens now, to every connected client."""
        if rule.match is not None:
            self.faults.add(rule)
            return
        for session in list(self._sessions.values()):
            match rule.action:
                case "half_open":
                    session.fall_silent(rule.seconds)
                case "close_before" | "close_after":
                    session.abort()
                case _:
                    pass
        if rule.action == "notice":
            self.notify_all(rule.code, rule.message)

    def notify_all(self, code: int, text: str) -> None:
        """Send a notice to every client. Between 1100 and 1101 or 1102 nothing is told about orders."""
        for session in self._sessions.values():
            session.error(-1, code, text)
            if code == 1100:
                session.orders.hold()
            elif code in (1101, 1102):
                session.orders.release()

    # -- what sessions need ------------------------------------------------------------------------------------------

    def admit(self, session: Session) -> bool:
        """Take a client in; ``False`` when its id is in use."""
        if session.client_id in self._sessions:
            return False
        self._sessions[session.client_id] = session
        now = self.engine.clock.now()
        self.connections.append(ConnectionRecord(session.number, session.client_id, now))
        return True

    def log_request(self, session: Session, request: Request) -> None:
        """Put a request into the request log."""
        now = self.engine.clock.now()
        self.requests.append(record_of(request, now, session.number, session.client_id))

    def wake(self) -> None:
        """Have the engine's agenda looked at again."""
        self._wake.set()

    # -- inside ------------------------------------------------------------------------------------------------------

    async def _on_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task:
            self._serving.add(task)
        self._connected += 1
        session = Session(self, reader, writer, self._connected)
        try:
            await session.run()
        except asyncio.CancelledError:
            _LOG.debug("connection %d cut off by the end of the gateway", session.number)
        finally:
            if task:
                self._serving.discard(task)
            self._leave(session)

    def _leave(self, session: Session) -> None:
        if self._sessions.get(session.client_id) is session:
            del self._sessions[session.client_id]
        for record in self.connections:
            if record.number == session.number:
                record.closed = self.engine.clock.now()

    async def _drive(self) -> None:
        """Carry out what is due, when it is due."""
        while True:
            self.engine.run_due()
            self._save()
            self._wake.clear()
            due = self.engine.next_due
            wait = None if due is None else max((due - self.engine.clock.now()).total_seconds(), 0)
            with suppress(TimeoutError):
                # Not wait_for: before Python 3.12 it can swallow the cancellation that stops the gateway.
                async with asyncio.timeout(wait):
                    await self._wake.wait()

    def _save(self) -> None:
        """Bring the state file up to date, so that even a killed gateway finds its orders again."""
        if self._state_file and self._unsaved:
            self.engine.save(self._state_file)
        self._unsaved = False

    async def _every(self, seconds: float, happens: Callable[[], None]) -> None:
        while True:
            await asyncio.sleep(seconds)
            happens()
            self.wake()

    def _on_event(self, event: Event) -> None:
        match event:
            case AccountChanged(account):
                for session in self._sessions.values():
                    session.send(session.subscriptions.account_changed(account))
            case PositionChanged(account, symbol):
                for session in self._sessions.values():
                    session.send(session.subscriptions.position_changed(account, symbol))
            case PricesChanged(symbols):
                for session in self._sessions.values():
                    session.send(session.subscriptions.prices_changed(symbols))
            case _:
                self._unsaved = True
                owner = self._sessions.get(owner_of(event)[0])
                if owner:
                    owner.orders.tell(event)
        self.wake()
