"""Servers that answer as nobody should, byte by byte, and remember what they were sent."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

Answer = Callable[["HostileServer", asyncio.StreamWriter], Awaitable[None]]

SOUND = b'{"status": "success", "data": {"allocations": [{"symbol": "QQQ", "allocation": 1}]}}'


@dataclass
class HostileServer:
    """What it was sent, and how much of its answer was taken before the other side hung up."""

    port: int = 0
    requests: list[str] = field(default_factory=list[str])
    sent: int = 0

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def keys(self) -> list[str]:
        """The keys that came with the requests."""
        lines = [line for request in self.requests for line in request.lower().splitlines()]
        return [line.split(":", 1)[1].strip() for line in lines if line.startswith("x-api-key:")]


@asynccontextmanager
async def hostile_server(answer: Answer) -> AsyncGenerator[HostileServer]:
    """Run a server on this machine that answers every request by ``answer``."""
    told = HostileServer()
    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            told.requests.append((await reader.readuntil(b"\r\n\r\n")).decode())
            await answer(told, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the other side hung up
        finally:
            writer.transport.abort() if told.sent else writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.create_task(serve(reader, writer)))

    async with await asyncio.start_server(begin, "127.0.0.1", 0) as server:
        told.port = server.sockets[0].getsockname()[1]
        yield told
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)


def whole(body: bytes = SOUND, status: str = "200 OK", *headers: str) -> Answer:
    """An answer of one piece."""

    async def answer(told: HostileServer, writer: asyncio.StreamWriter) -> None:
        head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
        writer.write("\r\n".join(head).encode() + b"\r\n\r\n" + body)
        await writer.drain()

    return answer


def endless(piece: bytes, most: int, pause: float = 0, status: str = "200 OK") -> Answer:
    """An answer that goes on until the other side hangs up, or ``most`` bytes were sent."""

    async def answer(told: HostileServer, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 {status}\r\nConnection: close\r\n\r\n".encode())
        while told.sent < most:
            writer.write(piece)
            await writer.drain()
            told.sent += len(piece)
            await asyncio.sleep(pause)

    return answer
