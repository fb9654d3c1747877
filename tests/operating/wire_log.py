"""What goes over the wire between a client and a gateway, in lines that people can read."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from simulator.gateway import wire
from simulator.gateway.requests import Request, decode_request
from testbed.addresses import HOST

SENT, CAME = "→", "←"

QUOTED: Final = {"1": "bid", "2": "ask"}
"""The tick types that are told; the others are the day's figures."""

FIGURES: Final = ("NetLiquidation", "TotalCashValue")
"""The figures of an account that are told."""


@dataclass(frozen=True)
class Line:
    """One message: when, in which direction, its name in the API, and what it is about."""

    time: datetime
    arrow: str
    name: str
    about: str


@dataclass
class WireLog:
    """Stands between a client and a gateway, passes everything on and writes it down.

    ``port`` is where clients connect. Times are the real ones of this machine.
    """

    gateway_port: int
    clock: Callable[[], datetime]
    port: int = 0
    lines: list[Line] = field(default_factory=list[Line])
    _held: str = ""
    _released: asyncio.Event = field(default_factory=asyncio.Event)
    _symbols: dict[str, str] = field(default_factory=dict[str, str])

    def hold(self, name: str) -> None:
        """Keep back what the gateway answers, from its next message of this name on."""
        self._released.clear()
        self._held = name

    def release(self) -> None:
        """Let what was kept back go on."""
        self._held = ""
        self._released.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Join a client to the gateway until one of them hangs up."""
        gateway_reader, gateway_writer = await asyncio.open_connection(HOST, self.gateway_port)
        pumps = [
            asyncio.create_task(self._up(reader, gateway_writer)),
            asyncio.create_task(self._down(gateway_reader, writer)),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            writer.close()
            gateway_writer.close()

    async def _up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readexactly(4))  # "API"
        writer.write(wire.frame(await wire.read_frame(reader)))  # the versions it speaks
        while True:
            payload = await wire.read_frame(reader)
            self._note(SENT, *self._asked(decode_request(wire.split_fields(payload))))
            writer.write(wire.frame(payload))

    async def _down(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(wire.frame(await wire.read_frame(reader)))  # the version that both speak
        while True:
            payload = await wire.read_frame(reader)
            name, about = self._told(wire.split_fields(payload))
            if name and name == self._held:
                await self._released.wait()
            self._note(CAME, name, about)
            writer.write(wire.frame(payload))

    def _note(self, arrow: str, name: str, about: str) -> None:
        if name:
            self.lines.append(Line(self.clock(), arrow, name, about))

    def _asked(self, request: Request) -> tuple[str, str]:
        if request.name == "reqMktData" and request.request_id is not None:
            self._symbols[str(request.request_id)] = request.symbol
        ticket = request.ticket
        if ticket is None:
            return request.name, request.symbol
        price = f" {ticket.limit_price:.2f}" if ticket.limit_price and ticket.order_type == "LMT" else ""
        terms = f"{ticket.action} {ticket.quantity} {request.symbol} {ticket.order_type}{price}"
        return request.name, f"{terms} #{request.order_id}"

    def _told(self, fields: Sequence[str]) -> tuple[str, str]:
        """Name and substance of a message from the gateway; nothing for what is not told."""
        match fields[0]:
            case "1" if fields[3] in QUOTED:
                return "tickPrice", f"{self._symbols[fields[2]]} {QUOTED[fields[3]]} {fields[4]}"
            case "3":
                return "orderStatus", f"#{fields[1]} {fields[2]} {fields[3]}/{int(fields[3]) + int(fields[4])}"
            case "10":
                return "contractDetails", fields[2]
            case "11":
                return "execDetails", f"#{fields[2]} {fields[18]} {fields[19]} {fields[4]} {fields[20]}"
            case "59":
                return "commissionReport", f"{fields[3]} {fields[4]}"
            case "61":
                return "position", f"{fields[4]} {fields[14]}"
            case "63" if fields[4] in FIGURES:
                return "accountSummary", f"{fields[4]} {fields[5]}"
            case _:
                return "", ""


@asynccontextmanager
async def wire_log(gateway_port: int, clock: Callable[[], datetime]) -> AsyncGenerator[WireLog]:
    """A log before this gateway, for the time of a block."""
    log = WireLog(gateway_port, clock)
    async with await asyncio.start_server(log.serve, HOST, 0) as server:
        log.port = server.sockets[0].getsockname()[1]
        yield log
