"""One client connection: handshake, requests in, messages out. It translates and decides nothing about trading."""

import asyncio
import logging
import re
from collections import deque
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from simulator.gateway import messages, wire
from simulator.gateway.dispatch import Dispatcher
from simulator.gateway.engine import Engine
from simulator.gateway.faults import NOTICE_TEXTS, FaultBook, FaultRule
from simulator.gateway.order_feed import OrderFeed
from simulator.gateway.pacing import TokenBucket
from simulator.gateway.refusals import not_valid, unreadable
from simulator.gateway.requests import ContractQuery, Request, decode_request
from simulator.gateway.subscriptions import Subscriptions

_LOG = logging.getLogger(__name__)
_CLIENT_ID_IN_USE = "Unable to connect as the client id is already in use. Retry with a unique client id."
_OFFER = re.compile(r"v([0-9]{1,5})(?:\.\.([0-9]{1,5}))?( \+PACEAPI)?")
"""Versions a client speaks, and its wish to be slowed down instead of told off; other wishes there are none."""
_TOO_FAST = "Max rate of messages per second has been exceeded:max=50 rec={} ({})"


class Host(Protocol):
    """What a connection needs of the gateway it belongs to."""

    engine: Engine
    faults: FaultBook

    def admit(self, session: "Session") -> bool:
        """Take a client in; ``False`` when its id is in use."""
        ...

    def log_request(self, session: "Session", request: Request) -> None:
        """Put a request into the request log."""
        ...

    def notify_all(self, code: int, text: str) -> None:
        """Send a notice to every client."""
        ...

    def wake(self) -> None:
        """Have the engine's agenda looked at again."""
        ...


class Session:
    """A connection from handshake to close; `run` returns when it has ended."""

    def __init__(self, host: Host, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        self.number = number
        self.client_id = -1
        self.started_at: datetime | None = None
        self._host = host
        self._engine = host.engine
        self._reader = reader
        self._writer = writer
        self._wants_pacing = False
        self._bucket = TokenBucket(host.engine.scenario.pacing, host.engine.clock.now())
        self._waiting: deque[tuple[datetime, Request]] = deque()
        self._has_waiting = asyncio.Event()
        self._half_open = asyncio.Event()
        self._dropped_at = 0.0  # by the event loop's clock
        self.subscriptions = Subscriptions(host.engine)
        self.orders = OrderFeed(host.engine, self.send)
        self._dispatcher = Dispatcher(self)

    @property
    def engine(self) -> Engine:
        """The engine behind this connection."""
        return self._engine

    async def run(self) -> None:
        """Serve the client until either side closes."""
        answering = asyncio.create_task(self._answer_in_order())
        try:
            try:
                await self._receive()
            except (asyncio.IncompleteReadError, ConnectionError, wire.MalformedMessage) as error:
                _LOG.debug("connection %d ended: %r", self.number, error)
            if self._half_open.is_set():
                await self._play_dead()
        finally:
            answering.cancel()
            self.orders.close()
            self._writer.close()

    def send(self, data: bytes) -> None:
        """Write messages out, unless the connection only pretends to live."""
        if data and not self._half_open.is_set() and not self._writer.is_closing():
            self._writer.write(data)

    def error(self, request_id: int, code: int, text: str) -> None:
        """Send an error message."""
        self.send(messages.error(request_id, code, text))

    def close(self) -> None:
        """Hang up, after what has been written; requests that wait for their turn are dropped."""
        self._waiting.clear()
        self._writer.close()

    def abort(self) -> None:
        """Hang up at once; requests that wait for their turn are dropped."""
        self._waiting.clear()
        self._writer.transport.abort()

    def fall_silent(self, seconds: float = 0.0) -> None:
        """Keep the socket open but neither answer nor tell anything any more.

        The client id stays in use for ``seconds``, even if the client hangs up, as it does where a connection died
        without a word; 0 means until the client hangs up.
        """
        loop = asyncio.get_running_loop()
        self._waiting.clear()
        self._half_open.set()
        if seconds:
            self._dropped_at = loop.time() + seconds
            loop.call_later(seconds, self.abort)

    # -- receiving ---------------------------------------------------------------------------------------------------

    async def _receive(self) -> None:
        if not await self._shake_hands():
            return
        while not self._half_open.is_set():
            fields = wire.split_fields(await wire.read_frame(self._reader))
            if self._wants_pacing:
                await asyncio.sleep(self._bucket.take_in_turn(self._engine.clock.now()))
            elif not self._bucket.take(self._engine.clock.now()):
                self.error(-1, 100, _TOO_FAST.format(len(self._waiting), self._bucket.violations))
                if self._bucket.exhausted:
                    return
                continue
            self._take(fields)

    async def _play_dead(self) -> None:
        """Swallow what still comes in on a half-open connection until it is dropped."""
        while not self._reader.at_eof():
            await self._reader.read(wire.MAX_FRAME_BYTES)
        await asyncio.sleep(max(self._dropped_at - asyncio.get_running_loop().time(), 0))

    async def _shake_hands(self) -> bool:
        """Agree on the version; ``False`` for a client that cannot speak it."""
        if await self._reader.readexactly(4) != b"API\0":
            return False
        offer = _OFFER.fullmatch((await wire.read_frame(self._reader)).decode(errors="replace"))
        if offer is None:
            return False
        lowest, highest, self._wants_pacing = int(offer[1]), int(offer[2] or offer[1]), bool(offer[3])
        if not lowest <= messages.SERVER_VERSION <= highest:
            return False
        self.send(messages.handshake(self._engine.clock.now()))
        return True

    def _take(self, fields: list[str]) -> None:
        request = decode_request(fields)
        if request.name == "startApi":
            self._start(request)
        elif self.started_at is not None:
            request = self._with_order_named(request)
            self._host.log_request(self, request)
            due = self._engine.clock.now() + timedelta(seconds=self._engine.scenario.latency.request)
            self._waiting.append((due, request))
            self._has_waiting.set()

    def _with_order_named(self, request: Request) -> Request:
        """A cancel carries nothing but an id: add whose order that is, for the log and for fault rules."""
        order = self._engine.find_order(self.client_id, request.order_id or 0)
        if request.name != "cancelOrder" or order is None:
            return request
        options = {**request.options, "orderRef": order.ref}
        return replace(request, account=order.account, contract=ContractQuery(symbol=order.symbol), options=options)

    def _start(self, request: Request) -> None:
        refusal = not_valid("the API was started before") if self.started_at else request.refusal
        if refusal:
            self.send(messages.refusal(-1, refusal))
            return
        self.client_id = wire.whole(request.options["clientId"])
        if not self._host.admit(self):
            self.error(-1, 326, _CLIENT_ID_IN_USE)
            self.close()
            return
        self.started_at = self._engine.clock.now()
        self.send(messages.managed_accounts(list(self._engine.accounts)))
        self.send(messages.next_valid_id(self._engine.next_order_id(self.client_id)))
        for code in (2104, 2106, 2158):
            self.error(-1, code, NOTICE_TEXTS[code])

    # -- answering ---------------------------------------------------------------------------------------------------

    async def _answer_in_order(self) -> None:
        """Requests are looked at in the order they came, each after the request latency."""
        while True:
            while not self._waiting:
                self._has_waiting.clear()
                await self._has_waiting.wait()
            due, request = self._waiting.popleft()
            wait = (due - self._engine.clock.now()).total_seconds()
            if wait > 0:
                await asyncio.sleep(wait)
            self._engine.run_due()
            try:
                self._handle(request)
            except Exception:
                _LOG.exception("request %s failed", request.name)
                failed = unreadable(f"{request.name} failed inside the simulation")
                self.send(messages.refusal(request.answer_to, failed))
            self._host.wake()

    def _handle(self, request: Request) -> None:
        struck = self._host.faults.striking(request, self.client_id)
        if any(each.action == "stall" for each in struck):
            return
        delay = sum(each.seconds for each in struck if each.action == "delay")
        if delay:
            asyncio.get_running_loop().call_later(delay, self._carry_out, request, struck)
        else:
            self._carry_out(request, struck)

    def _carry_out(self, request: Request, struck: list[FaultRule]) -> None:
        taken = False
        for rule in struck:
            match rule.action:
                case "close_before":
                    self.abort()
                    taken = True
                case "half_open":
                    self.fall_silent(rule.seconds)
                    taken = True
                case "reject":
                    self._dispatcher.reject(request, rule)
                    taken = True
                case "swallow":
                    self._dispatcher.swallow(request, rule)
                    taken = True
                case "notice":
                    if rule.code in (1100, 1101, 1102):
                        self._host.notify_all(rule.code, rule.message)
                    else:
                        self.error(request.answer_to, rule.code, rule.message)
                case "drop_ack" | "delay_ack" | "mute_order":
                    self.orders.disturb(request.answer_to, rule)
                case _:
                    pass
        if not taken:
            self._dispatcher.dispatch(request)
            self._host.wake()
        if any(each.action == "close_after" for each in struck):
            self.close()
