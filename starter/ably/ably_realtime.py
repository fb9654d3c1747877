"""The live connection: one realtime client of the `ably` library, from connecting to the first sign that it is dead.

Why there is so much around it (seen with version 3.1.4): it can stay `connected` when it is dead, never gives up on a
refused key, drops a whole frame for one bad payload, and does not tell which of two equal keys in JSON it took.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, cast

from ably import AblyRealtime

from starter.ably.ably_failures import raise_for, translated
from starter.ably.ably_options import realtime_options, without_key
from starter.ably.ably_settings import AblySettings, AblyTimings, AblyUnavailableError
from starter.ably.own_loop import run_in_own_loop
from starter.ably.received_message import ReceivedMessage, UnreadableMessageError, received_messages

MAX_DISCONNECTS = 5
"""So many within a minute and the client is replaced: on its own it reconnects without any back-off."""
MESSAGE = 15
"""Ably's number for a frame that brings messages."""

logger = logging.getLogger(__name__)


class RealtimeSession:
    """The life of one realtime client.

    It lives on a loop of its own: the library blocks the loop when it looks for other hosts, and leaves tasks behind.
    A channel that is refused is asked for again now and then; the others are not disturbed.

    Args:
        on_live: Called on the caller's loop with channel and message.
        on_gap: Called on the caller's loop with a channel that may have missed something.
    """

    def __init__(
        self,
        settings: AblySettings,
        timings: AblyTimings,
        on_live: Callable[[str, ReceivedMessage], None],
        on_gap: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._timings = timings
        self._on_live = on_live
        self._on_gap = on_gap
        self._home = asyncio.get_running_loop()

    async def run(self) -> None:
        """Connect, attach to the channels, and stay until the client is dead.

        Raises:
            AblyUnavailableError, AblyKeyRefusedError: why it ended.
        """
        await self._in_its_loop(self._until_dead)

    async def try_to_attach(self) -> None:
        """Connect, attach to every channel once, and leave.

        Raises:
            AblyUnavailableError, AblyKeyRefusedError: what is in the way, naming the channels.
        """
        await self._in_its_loop(self._attach_to_all)

    async def _in_its_loop(self, stay: Callable[[AblyRealtime], Any]) -> None:
        async def live() -> None:
            try:
                await self._live(stay)
            except ExceptionGroup as errors:
                raise translated(errors.exceptions[0], self._settings) from errors
            except Exception as error:
                raise translated(error, self._settings) from error

        await run_in_own_loop(live, name="ably-realtime")

    async def _live(self, stay: Callable[[AblyRealtime], Any]) -> None:
        self._changes: asyncio.Queue[Any] = asyncio.Queue()
        self._transports: list[Any] = []
        self._refused: set[str] = set()
        client = AblyRealtime(**realtime_options(self._settings, self._timings))
        client.connection.on(self._on_connection_change)
        client.connection.connection_manager.on("transport.pending", self._on_transport)
        try:
            client.connect()
            await self._until_connected()
            await stay(client)
        finally:
            await self._close(client)

    async def _until_connected(self) -> None:
        reason: object = "no answer"
        try:
            async with asyncio.timeout(self._timings.request_timeout):
                while (change := await self._changes.get()).current != "connected":
                    reason = change.reason or reason
                    if change.current == "failed":
                        break
                else:
                    return
        except TimeoutError as error:
            raise AblyUnavailableError(f"no connection: {without_key(reason, self._settings)}") from error
        raise reason if isinstance(reason, Exception) else AblyUnavailableError(str(reason))

    async def _attach_to_all(self, client: AblyRealtime) -> None:
        async def attach(name: str) -> Exception | None:
            try:
                async with asyncio.timeout(self._timings.request_timeout):
                    await client.channels.get(name).attach()
            except Exception as error:
                return translated(error, self._settings)
            return None

        names = self._settings.channels
        found = dict(zip(names, await asyncio.gather(*map(attach, names)), strict=True))
        raise_for({name: problem for name, problem in found.items() if problem is not None})

    async def _until_dead(self, client: AblyRealtime) -> None:
        """Raises as soon as the client shows that nothing more will come from it."""
        async with asyncio.TaskGroup() as tasks:
            for name in self._settings.channels:
                tasks.create_task(self._keep_attached(client, name))
            tasks.create_task(self._watch(client))

    async def _keep_attached(self, client: AblyRealtime, name: str) -> None:
        """Attach to a channel, and again whenever it is thrown off for good; the rest is mended by the library."""
        channel = client.channels.get(name)
        failed = asyncio.Event()

        def on_change(change: Any) -> None:
            logger.debug("Ably channel %s: %s", name, change.current.value)
            if change.current == "attached" and not change.resumed:
                self._home.call_soon_threadsafe(self._on_gap, name)
            elif change.current == "failed":
                failed.set()

        channel.on(on_change)
        while True:
            failed.clear()
            try:
                await channel.attach()
            except Exception as error:
                if channel.state == "failed":
                    await self._rest(name, translated(error, self._settings))
                    continue
            await failed.wait()

    async def _rest(self, name: str, error: Exception) -> None:
        """Leave a channel that is refused alone for a while: somebody has to act."""
        self._refused.add(name)
        logger.error(
            "channel %s: no live messages, next attempt in %.0f s: %s", name, self._timings.refused_delay, error
        )
        await asyncio.sleep(self._timings.refused_delay)
        self._refused.discard(name)

    async def _watch(self, client: AblyRealtime) -> None:
        loop = asyncio.get_running_loop()
        disconnects: deque[float] = deque(maxlen=MAX_DISCONNECTS)
        healthy_at = loop.time()
        while True:
            try:
                async with asyncio.timeout(self._timings.ping_interval):
                    change = await self._changes.get()
            except TimeoutError:
                if await self._is_healthy(client):
                    healthy_at = loop.time()
                elif loop.time() - healthy_at > self._timings.reconnect_patience:
                    raise AblyUnavailableError("the client does not get its connection or channels back") from None
                continue
            state = str(change.current.value)
            if state in ("failed", "suspended", "closed"):
                raise change.reason or AblyUnavailableError(f"the client is {state}")
            if state == "disconnected":
                disconnects.append(loop.time())
                if len(disconnects) == MAX_DISCONNECTS and disconnects[-1] - disconnects[0] < 60:
                    raise AblyUnavailableError("the connection keeps breaking")

    async def _is_healthy(self, client: AblyRealtime) -> bool:
        """Connected, attached and answering. A connected client that does not answer a ping raises: it is dead."""
        if client.connection.state != "connected":
            return False
        # In a task of its own: before Python 3.12, `wait_for` inside it can swallow our cancellation.
        ping = asyncio.ensure_future(client.connection.ping())
        await asyncio.wait({ping}, timeout=self._timings.request_timeout)
        if not ping.done():
            raise AblyUnavailableError("the client gets no answer to a ping")
        ping.result()
        wanted = set(self._settings.channels) - self._refused
        return all(client.channels.get(name).state == "attached" for name in wanted)

    def _on_connection_change(self, change: Any) -> None:
        reason = f": {without_key(change.reason, self._settings)}" if change.reason else ""
        logger.info("Ably connection: %s%s", change.current.value, reason)
        self._changes.put_nowait(change)

    def _on_transport(self, transport: Any) -> None:
        """Keep track of the sockets (the library forgets those it has given up, closed or not), and read along.

        The messages are taken from the frames, undecoded as in history, before the library makes of them what it can.
        """
        self._transports = [old for old in self._transports if not _is_closed(old)] + [transport]
        decode = transport.decode_raw_websocket_frame

        def read_along(raw: str | bytes) -> object:
            frame = decode(raw)
            if isinstance(frame, Mapping):
                self._on_frame(cast("Mapping[str, object]", frame))
            return frame

        transport.decode_raw_websocket_frame = read_along

    def _on_frame(self, frame: Mapping[str, object]) -> None:
        name = frame.get("channel")
        if frame.get("action") != MESSAGE or name not in self._settings.channels:
            return
        for message in received_messages(frame):
            if isinstance(message, UnreadableMessageError):
                logger.error("channel %s: ignored: %s", name, message)
            else:
                self._home.call_soon_threadsafe(self._on_live, str(name), message)

    async def _close(self, client: AblyRealtime) -> None:
        client.connection.off()
        try:
            async with asyncio.timeout(self._timings.close_timeout):
                await client.close()
        except Exception as error:
            logger.debug("the Ably client did not close: %s", type(error).__name__)
            await client.http.close()
        for transport in self._transports:
            if transport.websocket is not None:
                # A server that does not answer the closing handshake would keep the socket open.
                transport.websocket.transport.abort()


def _is_closed(transport: Any) -> bool:
    return transport.websocket is not None and transport.websocket.transport.is_closing()
