"""A receiver of alerts: a web server of this machine that remembers what it was told, and may refuse or be away."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

SECRET = "s3cr3t-t0ken"
"""Stands in the address, and must not be anywhere else."""


@dataclass
class Receiver:
    """What was taken, in the order in which it came; ``refuses``: it answers 500 and takes nothing. It does so with the
    first ``refusals`` too."""

    port: int = 0
    titles: list[str] = field(default_factory=list[str])
    texts: list[str] = field(default_factory=list[str])
    refused: int = 0
    refuses: bool = False
    refusals: int = 0

    @property
    def url(self) -> str:
        """As it stands in the environment."""
        return f"json://user:{SECRET}@127.0.0.1:{self.port}/{SECRET}"

    async def take(self, request: web.Request) -> web.Response:
        """One message."""
        told = await request.json()
        if self.refuses or self.refused < self.refusals:
            self.refused += 1
            return web.Response(status=500, text=SECRET)
        self.titles.append(told["title"])
        self.texts.append(told["message"])
        return web.Response()


@asynccontextmanager
async def listening(receiver: Receiver) -> AsyncGenerator[Receiver]:
    """Have it listen, at the port it had before if it had one."""
    app = web.Application()
    app.router.add_post("/{path:.*}", receiver.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", receiver.port, reuse_address=True)
    await site.start()
    receiver.port = runner.addresses[0][1]
    try:
        yield receiver
    finally:
        await runner.cleanup()
