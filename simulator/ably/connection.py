"""One realtime connection: the protocol on a WebSocket, from CONNECTED to CLOSED."""

import asyncio
import contextlib
import secrets
from collections.abc import Mapping
from typing import Any, cast

from aiohttp import WSMsgType, web

from simulator.ably.channels import Publication
from simulator.ably.codec import pack, unpack
from simulator.ably.credentials import Grant
from simulator.ably.errors import AblyError, bad_request, not_simulated
from simulator.ably.hub import Hub
from simulator.ably.messages import MAX_MESSAGE_BYTES, draft_from_wire
from simulator.ably.protocol import (
    ATTACH_RESUME,
    HAS_BACKLOG,
    RESUMED,
    SIMULATED_MODES,
    SUBSCRIBE_MODE,
    Action,
    Frame,
    error_frame,
    message_frame,
    modes_of,
    split_qualifier,
)

CONNECTION_STATE_TTL_MS = 120_000


class Connection:
    """Speaks the protocol with one client. Frames leave through a queue: publishing never waits for a reader."""

    def __init__(self, hub: Hub, websocket: web.WebSocketResponse, request: web.Request, grant: Grant) -> None:
        self._hub = hub
        self._websocket = websocket
        self._transport = request.transport
        self._grant = grant
        self._binary = request.query.get("format") == "msgpack"
        self._echo = request.query.get("echo") != "false"
        earlier = request.query.get("resume") or request.query.get("recover")
        resumed = hub.connection_ids.get(earlier or "")
        self._resume_failed = earlier is not None and resumed is None
        self.connection_id = resumed or secrets.token_urlsafe(8)
        self._key = f"{self.connection_id}!{secrets.token_urlsafe(8)}"
        self._attached: dict[str, int] = {}
        """Channel name as the client wrote it, to its modes."""
        self._outbound: asyncio.Queue[Frame | None] = asyncio.Queue()
        self.frozen = False
        """While set, frames vanish in both directions although the socket is alive."""

    async def serve(self) -> None:
        """Run until either side ends the connection."""
        self._hub.connection_ids[self._key] = self.connection_id
        self._hub.subscribers.add(self)
        self._send(self._connected())
        writer, heart = asyncio.create_task(self._write()), asyncio.create_task(self._beat())
        try:
            async for message in self._websocket:
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY) and not self.frozen:
                    self._receive(unpack(message.data, binary=self._binary))
        except AblyError as error:
            self.fail(error)
            await writer
        finally:
            self._hub.subscribers.discard(self)
            for helper in (writer, heart):
                helper.cancel()
            await asyncio.gather(writer, heart, return_exceptions=True)

    def deliver(self, channel: str, publication: Publication) -> None:
        """Pass a publication on to every attachment of this connection that reads the channel."""
        if not self._echo and publication.messages[0].connection_id == self.connection_id:
            return
        for name, modes in self._attached.items():
            if split_qualifier(name)[0] == channel and modes & SUBSCRIBE_MODE:
                self._send(message_frame(publication, name, binary=self._binary))

    def is_attached(self, channel: str) -> bool:
        """Whether this client is attached to the channel, under whatever qualifier."""
        return any(split_qualifier(name)[0] == channel for name in self._attached)

    def drop(self) -> None:
        """Cut the TCP connection without a word."""
        if self._transport is not None:
            self._transport.abort()

    def disconnect(self, error: AblyError | None) -> None:
        """Send DISCONNECTED, with or without a reason, and close the socket."""
        self._send(error_frame(Action.DISCONNECTED, error))
        self._outbound.put_nowait(None)

    def fail(self, error: AblyError) -> None:
        """Send a connection-wide ERROR and close the socket."""
        self._send(error_frame(Action.ERROR, error))
        self._outbound.put_nowait(None)

    def detach(self, channel: str, error: AblyError | None) -> None:
        """Throw this client off a channel."""
        for name in [name for name in self._attached if split_qualifier(name)[0] == channel]:
            del self._attached[name]
            self._send(error_frame(Action.DETACHED, error, name))

    def _send(self, frame: Frame) -> None:
        if not self.frozen:
            self._outbound.put_nowait(frame)

    async def _write(self) -> None:
        with contextlib.suppress(ConnectionError):
            while (frame := await self._outbound.get()) is not None:
                raw = pack(frame, binary=self._binary)
                await (self._websocket.send_bytes(raw) if self._binary else self._websocket.send_str(raw.decode()))
            await self._websocket.close()

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._hub.max_idle_interval_ms / 1000)
            if self._grant.expires is not None and self._grant.expires <= self._hub.clock():
                self.disconnect(AblyError(40142, 401, "token expired"))
            self._send({"action": Action.HEARTBEAT})

    def _connected(self) -> Frame:
        details: dict[str, object] = {
            "connectionKey": self._key,
            "maxIdleInterval": self._hub.max_idle_interval_ms,
            "connectionStateTtl": CONNECTION_STATE_TTL_MS,
            "maxMessageSize": MAX_MESSAGE_BYTES,
            "serverId": "stand-in",
        }
        if self._grant.client_id is not None:
            details["clientId"] = self._grant.client_id
        frame: Frame = {
            "action": Action.CONNECTED,
            "connectionId": self.connection_id,
            "connectionDetails": details,
        }
        if self._resume_failed:
            frame["error"] = AblyError(80018, 400, "unable to resume: the connection is not known any more").info()
        return frame

    def _receive(self, value: Any) -> None:
        if not isinstance(value, Mapping):
            raise bad_request("a protocol frame must be an object")
        try:
            self._act_on(cast(Mapping[str, Any], value))
        except (KeyError, TypeError, ValueError) as error:
            raise bad_request(f"the frame lacks something or has it wrong: {error!r}") from error

    def _act_on(self, frame: Mapping[str, Any]) -> None:
        match frame.get("action"):
            case Action.HEARTBEAT:
                self._send({"action": Action.HEARTBEAT, "id": frame.get("id")})
            case Action.ATTACH:
                self._on_attach(frame)
            case Action.DETACH:
                self._attached.pop(frame["channel"], None)
                self._send({"action": Action.DETACHED, "channel": frame["channel"]})
            case Action.MESSAGE:
                self._on_message(frame)
            case Action.AUTH:
                self._grant = self._hub.credentials.from_token(str(frame["auth"]["accessToken"]))
                self._send(self._connected())
            case Action.CLOSE:
                self._hub.connection_ids.pop(self._key, None)
                self._send({"action": Action.CLOSED})
                self._outbound.put_nowait(None)
            case _ if "msgSerial" in frame:
                self._refuse(frame["msgSerial"], not_simulated("presence, annotations and objects are"))
            case _:
                pass  # What wants no answer gets none.

    def _on_attach(self, frame: Mapping[str, Any]) -> None:
        name = str(frame["channel"])
        bare, params = split_qualifier(name)
        params |= frame.get("params") or {}
        requested = int(frame.get("flags") or 0)
        try:
            self._grant.require("subscribe", bare)
            if unknown := ", ".join(sorted(params.keys() - {"rewind"})):
                raise not_simulated(f"the channel parameters {unknown} are")
            if requested & ~0xFFFF and not requested & SIMULATED_MODES:
                raise not_simulated("other modes than publish and subscribe are")
        except AblyError as error:
            self._send(error_frame(Action.ERROR, error, name))
            return
        channel = self._hub.channel(bare)
        modes = modes_of(requested)
        serial: str | None = frame.get("channelSerial")
        backlog = channel.after(serial) if serial else None
        flags = modes
        point = channel.serial
        error: AblyError | None = None
        if serial and backlog is not None:
            # The point of attachment is where the client left off: should the connection break again before the
            # backlog has arrived, it resumes from there.
            flags, point = flags | RESUMED, serial
        elif serial:
            error = AblyError(90005, 404, "continuity lost: no history since the given channel serial")
        elif "rewind" in params and not requested & ATTACH_RESUME:
            backlog = channel.rewound(params["rewind"])
        if backlog:
            flags |= HAS_BACKLOG
        self._attached[name] = modes
        attached = error_frame(Action.ATTACHED, error, name)
        self._send({**attached, "channelSerial": point, "flags": flags, "params": params})
        for publication in backlog or []:
            self._send(message_frame(publication, name, binary=self._binary))

    def _on_message(self, frame: Mapping[str, Any]) -> None:
        serial = int(frame["msgSerial"])
        bare, _ = split_qualifier(str(frame["channel"]))
        try:
            self._grant.require("publish", bare)
            drafts = [draft_from_wire(raw) for raw in frame["messages"]]
            # A client that lost its connection before the answer sends the same again, under the same serial.
            receipt = self._hub.publish(
                bare, drafts, id_prefix=f"{self.connection_id}:{serial}", connection_id=self.connection_id
            )
        except AblyError as error:
            self._refuse(serial, error)
            return
        self._send({"action": Action.ACK, "msgSerial": serial, "count": 1, "res": [{"serials": receipt.serials}]})

    def _refuse(self, serial: int, error: AblyError) -> None:
        self._send({**error_frame(Action.NACK, error), "msgSerial": serial, "count": 1})
