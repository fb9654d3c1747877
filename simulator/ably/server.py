"""The stand-in as a whole: one port for HTTP and WebSocket, publishing from within the process, and the faults."""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from typing import Self

from aiohttp import web

from simulator.ably.channels import Clock
from simulator.ably.codec import pack
from simulator.ably.connection import Connection
from simulator.ably.credentials import ANYTHING, DEFAULT_TOKEN_TTL_MS, Capability, Credentials
from simulator.ably.errors import AblyError
from simulator.ably.hub import Hub
from simulator.ably.messages import Draft, MessageData, draft_of
from simulator.ably.protocol import Action, error_frame
from simulator.ably.rest import RestApi
from simulator.loopback import programs_only, require_loopback

DEFAULT_KEY = "local.key:secret"
DEFAULT_RETENTION_MS = 120_000
"""Ably keeps messages for two minutes unless persistence is switched on."""
DEFAULT_MAX_IDLE_INTERVAL_MS = 15_000
_SHUTDOWN_GRACE = 0.1


def system_clock() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


class SimulatedAbly:
    """An Ably server for local use: `async with SimulatedAbly(key="app.key:secret") as ably: …`.

    Clients connect with `endpoint=ably.address`, `tls=False`; REST over plain HTTP needs token authentication
    (`use_token_auth=True`), because the client library refuses to send a key unencrypted.

    Args:
        key: The one key that is accepted, `<app>.<key id>:<secret>`.
        port: 0 chooses a free one.
        host: A loopback address, unless `allow_remote`.
        capability: What the key may do, by channel pattern; by default everything.
        retention_ms: How long messages are kept.
        max_idle_interval_ms: A heartbeat is sent this often.
        token_ttl_ms: Life of a token whose request does not say.
        clock: Milliseconds since the epoch.
    """

    def __init__(
        self,
        key: str = DEFAULT_KEY,
        port: int = 0,
        *,
        host: str = "127.0.0.1",
        allow_remote: bool = False,
        capability: Capability = ANYTHING,
        retention_ms: int = DEFAULT_RETENTION_MS,
        max_idle_interval_ms: int = DEFAULT_MAX_IDLE_INTERVAL_MS,
        token_ttl_ms: int = DEFAULT_TOKEN_TTL_MS,
        clock: Clock = system_clock,
    ) -> None:
        require_loopback(host, allow_remote=allow_remote)
        self._allow_remote = allow_remote
        self.key = key
        self._host = host
        self._port = port
        self._hub = Hub(
            credentials=Credentials(key, capability=capability, token_ttl_ms=token_ttl_ms, clock=clock),
            clock=clock,
            retention_ms=retention_ms,
            max_idle_interval_ms=max_idle_interval_ms,
        )
        self._rest = RestApi(self._hub)
        self._connections: set[Connection] = set()
        self._runner: web.AppRunner | None = None
        self._site: web.TCPSite | None = None
        self.connection_attempts = 0
        """WebSocket connections asked for since the start, refused ones included."""

    async def __aenter__(self) -> Self:
        app = web.Application(middlewares=[programs_only(allow_remote=self._allow_remote)])
        app.add_routes(self._rest.routes())
        # The client library of today asks for `/`, a coming one for `/:80`: whatever wants to become a
        # WebSocket becomes one.
        app.router.add_route("*", "/{anything:.*}", self._realtime)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_GRACE)
        await self._runner.setup()
        await self.start_listening()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop_listening()
        self.drop_connections()
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def endpoint(self) -> str:
        """The host alone, for clients that take the port separately."""
        return self._host

    @property
    def port(self) -> int:
        """The port that is really bound."""
        return self._port

    @property
    def address(self) -> str:
        """`host:port/`, which the Python client takes as `endpoint` for REST and realtime alike."""
        return f"{self._host}:{self._port}/"

    @property
    def connections(self) -> int:
        """How many clients are connected at this moment."""
        return len(self._connections)

    def attached(self, channel: str) -> int:
        """How many clients are attached to `channel` at this moment."""
        return sum(connection.is_attached(channel) for connection in self._connections)

    @property
    def rest_requests(self) -> Sequence[str]:
        """`METHOD path` of every REST request seen, oldest first."""
        return tuple(self._hub.rest_requests)

    def publish(
        self,
        channel: str,
        data: MessageData,
        name: str | None = None,
        id: str | None = None,
        *,
        encoding: str | None = None,
    ) -> str | None:
        """Publish from within the process; returns the message id, or None if `id` was published before.

        `encoding` claims something about text or bytes that need not be true: that is how a poisoned payload is made.
        """
        draft = draft_of(data, name=name, id=id)
        if encoding is not None:
            draft = Draft(name=name, data=draft.data, encoding=encoding, id=id)
        ids = self.publish_together(channel, [draft])
        return ids[0] if ids else None

    def publish_together(self, channel: str, drafts: Sequence[Draft]) -> list[str]:
        """Publish several messages in one frame; returns their ids."""
        publication = self._hub.publish(channel, drafts).publication
        return [message.id for message in publication.messages] if publication else []

    # Faults -------------------------------------------------------------------------------------------------

    def drop_connections(self) -> None:
        """Cut every TCP connection without a word; clients may resume."""
        for connection in list(self._connections):
            connection.drop()

    def disconnect(self, error: AblyError | None = None) -> None:
        """End every connection cleanly with DISCONNECTED, with a reason or without."""
        for connection in list(self._connections):
            connection.disconnect(error)

    def fail_connections(self, error: AblyError) -> None:
        """End every connection with a connection-wide ERROR."""
        for connection in list(self._connections):
            connection.fail(error)

    def lose_continuity(self) -> None:
        """Forget where clients are: the next resume finds neither its connection nor its channel serial."""
        self._hub.forget_connections()

    def detach(self, channel: str, error: AblyError | None = None) -> None:
        """Throw every client off a channel."""
        for connection in list(self._connections):
            connection.detach(channel, error)

    def freeze(self, *, frozen: bool = True) -> None:
        """Let frames of the present connections vanish although their sockets stay alive, or end that."""
        for connection in list(self._connections):
            connection.frozen = frozen

    def reject_connections(self, error: AblyError | None) -> None:
        """Answer new connections with ERROR until called with None."""
        self._hub.connect_error = error

    def fail_requests(self, error: AblyError, times: int = 1) -> None:
        """Answer the next REST requests with `error`."""
        self._hub.rest_errors.extend([error] * times)

    def garble_history(self, *bodies: bytes, link: str | None = None) -> None:
        """Answer the next requests for history with these bodies, whatever they are; without any, end that.

        `link` is where they say the next page is.
        """
        self._hub.history_bodies = deque((body, link) for body in bodies)

    def delay_history(self, seconds: float) -> None:
        """Let every page of history take so long."""
        self._hub.history_delay = seconds

    async def stop_listening(self) -> None:
        """Refuse new TCP connections; those that exist live on."""
        if self._site is not None:
            await self._site.stop()
            self._site = None

    async def start_listening(self) -> None:
        """Listen again, on the same port."""
        if self._runner is None or self._site is not None:
            return
        self._site = web.TCPSite(self._runner, self._host, self._port)
        await self._site.start()
        self._port = int(self._runner.addresses[0][1])

    async def _realtime(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() != "websocket":
            return await self._rest.refuse(request)
        self.connection_attempts += 1
        websocket = web.WebSocketResponse(timeout=_SHUTDOWN_GRACE, compress=False)
        await websocket.prepare(request)
        try:
            if self._hub.connect_error is not None:
                raise self._hub.connect_error
            grant = self._hub.credentials.of_request(None, request.query)
        except AblyError as error:
            await self._turn_away(websocket, request, error)
            return websocket
        connection = Connection(self._hub, websocket, request, grant)
        self._connections.add(connection)
        try:
            await connection.serve()
        finally:
            self._connections.discard(connection)
        return websocket

    async def _turn_away(self, websocket: web.WebSocketResponse, request: web.Request, error: AblyError) -> None:
        binary = request.query.get("format") == "msgpack"
        raw = pack(error_frame(Action.ERROR, error), binary=binary)
        await (websocket.send_bytes(raw) if binary else websocket.send_str(raw.decode()))
        await asyncio.sleep(0)
        await websocket.close()
