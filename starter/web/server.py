"""Serves the application until it is cancelled."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Generator
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from configuration.http_settings import HttpSettings
from starter.desk.mistakes import UserMistake

GRACE: Final = 2
"""Seconds that callers who wait are given at the end; what they wait for goes on without them."""

BACKLOG: Final = 128


class NotServed(UserMistake):
    """The HTTP API cannot listen where it should; the message says what to do."""


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Signals are the command's own."""
        yield


def listening(settings: HttpSettings) -> socket.socket:
    """A socket that listens where the settings say. Raises ``NotServed``."""
    if settings.certificate is not None:
        _require_usable(settings.certificate, settings.certificate_key)
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise NotServed(
            f"The HTTP API cannot listen on {settings.host} port {settings.port}: {error.strerror or error}. Stop what "
            "listens there (another `rebalancer up`?), or choose another port (http.port, --http-port)."
        ) from None


async def serve(app: ASGIApp, settings: HttpSettings, listener: socket.socket) -> None:
    """Answer requests until cancelled; ``listener`` is closed in the end."""
    config = uvicorn.Config(
        app,
        lifespan="off",
        ws="none",
        http="h11",
        loop="asyncio",
        log_config=None,
        access_log=False,
        server_header=False,
        # Whoever is behind a proxy is judged by the proxy's address alone.
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE,
        ssl_certfile=settings.certificate,
        ssl_keyfile=settings.certificate_key,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve([listener]))
    try:
        await asyncio.shield(serving)
    finally:
        server.should_exit = True
        await serving


def _require_usable(certificate: str, key: str | None) -> None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise NotServed(f"The certificate {certificate} cannot be used with {key}: {error}.") from None
