"""The only place that knows the `ably` client library: its history, its live connection, and how both can fail.

Why there is so much around it (seen with version 3.1.4): its realtime client can stay `connected` when it is dead,
never gives up on a refused key, drops a whole frame for one bad payload, loses what was published in a gap it could
not resume over, and prints the key at level INFO.
"""

import asyncio
import contextlib
import logging
import random
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import Any, cast
from urllib.parse import quote

from ably import AblyException, AblyRealtime, AblyRest, api_version

from starter.ably_options import realtime_options, rest_options, without_key
from starter.ably_settings import AblyKeyRefusedError, AblySettings, AblyTimings, AblyUnavailableError
from starter.backoff import Backoff
from starter.channel_inbox import ChannelInbox, OnMessage
from starter.channel_sweeper import ChannelSweeper
from starter.own_loop import run_in_own_loop
from starter.received_message import ReceivedMessage, UnreadableMessageError, received

__all__ = [
    "AblyChannelListener",
    "AblyKeyRefusedError",
    "AblySettings",
    "AblyTimings",
    "AblyUnavailableError",
    "ReceivedMessage",
    "check_access",
]

HISTORY_PAGE = 1000
"""The most Ably puts on one page."""
MAX_DISCONNECTS = 5
"""So many within a minute and the client is replaced: on its own it reconnects without any back-off."""

logger = logging.getLogger(__name__)


class AblyChannelListener:
    """Brings every message of the channels to `on_message`: at least once, and in this process only once.

    Args:
        settings: How to reach Ably.
        on_message: Called with channel and message, one message per channel at a time. Returning accepts the message;
            raising keeps it for another attempt.
        timings: How long to wait for what.
        chance: Values in [0, 1) for the jitter of the back-off.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        settings: AblySettings,
        on_message: OnMessage,
        *,
        timings: AblyTimings | None = None,
        chance: Callable[[], float] = random.random,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._on_message = on_message
        self._timings = timings or AblyTimings()
        self._chance = chance
        self._clock = clock
        self._live: dict[str, asyncio.Queue[ReceivedMessage]] = {}
        self._sweepers: dict[str, ChannelSweeper] = {}

    async def run(self) -> None:
        """Listen until cancelled. Ably's failures never end it: they are logged, and it tries again."""
        keep_key_out_of_logs()
        async with HistoryReader(self._settings, self._timings) as history, asyncio.TaskGroup() as tasks:
            for channel in self._settings.channels:
                inbox = ChannelInbox(channel, self._on_message, self._backoff())
                sweeper = self._sweepers[channel] = ChannelSweeper(
                    channel,
                    history,
                    inbox,
                    retention=self._settings.retention,
                    timings=self._timings,
                    backoff=self._backoff(),
                    clock=self._clock,
                )
                live = self._live[channel] = asyncio.Queue()
                tasks.create_task(_deliver(live, inbox))
                tasks.create_task(inbox.retry_refused())
                tasks.create_task(sweeper.run())
                tasks.create_task(sweeper.watch())
            tasks.create_task(self._stay_connected())

    async def _stay_connected(self) -> None:
        """Replace each realtime client that has died by a new one."""
        backoff = self._backoff()
        while True:
            session = RealtimeSession(self._settings, self._timings, self._on_live, self._on_gap)
            started = self._clock()
            try:
                await session.run()
            except AblyKeyRefusedError as error:
                delay = self._timings.refused_delay
                logger.error("no live messages from Ably, next attempt in %.0f s: %s", delay, error)
            except AblyUnavailableError as error:
                if self._clock() - started > self._timings.settled_after:
                    backoff.reset()
                delay = backoff.next()
                logger.warning("the connection to Ably is replaced in %.1f s: %s", delay, error)
            else:
                delay = backoff.next()
            await asyncio.sleep(delay)

    def _on_live(self, channel: str, message: ReceivedMessage) -> None:
        self._live[channel].put_nowait(message)

    def _on_gap(self, channel: str) -> None:
        self._sweepers[channel].request()

    def _backoff(self) -> Backoff:
        return Backoff(self._timings.backoff_base, self._timings.backoff_maximum, chance=self._chance)


async def _deliver(live: asyncio.Queue[ReceivedMessage], inbox: ChannelInbox) -> None:
    while True:
        await inbox.deliver(await live.get())


async def check_access(settings: AblySettings, timings: AblyTimings | None = None) -> None:
    """Read from every channel's history and attach to it once.

    Raises:
        AblyKeyRefusedError, AblyUnavailableError: with what is wrong and how to mend it.
    """
    keep_key_out_of_logs()
    timings = timings or AblyTimings()
    async with HistoryReader(settings, timings) as history:
        for channel in settings.channels:
            async with contextlib.aclosing(history.pages(channel, await history.server_time())) as pages:
                async for _ in pages:
                    break
    await RealtimeSession(settings, timings, _ignore, _ignore).run(only_attach=True)


def _ignore(*_: object) -> None:
    """Whoever only looks whether the door opens takes nothing out."""


def keep_key_out_of_logs() -> None:
    """The client prints the whole address, key included, at INFO; the WebSocket library at DEBUG.

    Its errors are pages of traceback about what we say in one line.
    """
    logging.getLogger("ably").setLevel(logging.CRITICAL)
    logging.getLogger("websockets").setLevel(logging.CRITICAL)


class HistoryReader:
    """Reads history through a REST client of its own, so that it works while the live connection does not.

    It takes the raw pages: decoding them, the library drops a whole page for one payload that is not what it says.
    """

    def __init__(self, settings: AblySettings, timings: AblyTimings) -> None:
        self._settings = settings
        self._timings = timings
        self._client: AblyRest | None = None

    async def __aenter__(self) -> "HistoryReader":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._renew()

    async def server_time(self) -> int:
        """The server's clock, in epoch milliseconds. Raises AblyUnavailableError or AblyKeyRefusedError."""
        async with self._failures_translated():
            async with asyncio.timeout(self._timings.request_timeout):
                return int(await self._rest().time())

    async def pages(self, channel: str, start: int) -> AsyncGenerator[Sequence[Mapping[str, object]]]:
        """The raw messages since `start` (epoch milliseconds), oldest first.

        Raises:
            AblyUnavailableError, AblyKeyRefusedError: the history could not be read.
        """
        path = f"/channels/{quote(channel, safe='')}/messages"
        query = {"direction": "forwards", "start": str(max(start, 0)), "limit": str(HISTORY_PAGE)}
        page: Any = None
        while True:
            async with self._failures_translated():
                async with asyncio.timeout(self._timings.request_timeout):
                    if page is None:
                        page = await self._rest().request("GET", path, version=api_version, params=query)
                    else:
                        page = await page.next()
                if page is not None and not page.success:
                    raise AblyException(str(page.error_message), page.status_code, int(page.error_code or 0))
            if page is None:
                return
            yield cast(Sequence[Mapping[str, object]], page.items)

    def _rest(self) -> AblyRest:
        if self._client is None:
            self._client = AblyRest(**rest_options(self._settings))
        return self._client

    async def _renew(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    @contextlib.asynccontextmanager
    async def _failures_translated(self) -> AsyncGenerator[None]:
        try:
            yield
        except Exception as error:
            if isinstance(error, AblyException) and error.status_code == 401:
                # A new client asks for a new token; the old one would go on with the expired one.
                await self._renew()
            raise _translated(error, self._settings) from error


class RealtimeSession:
    """The life of one realtime client, from connecting to the first sign that it is dead.

    It lives on a loop of its own: the library blocks the loop when it looks for other hosts, and leaves tasks behind.

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

    async def run(self, *, only_attach: bool = False) -> None:
        """Connect, attach to every channel, and (unless `only_attach`) stay until the client is dead.

        Raises:
            AblyUnavailableError, AblyKeyRefusedError: why it ended.
        """

        async def live() -> None:
            try:
                await self._live(only_attach=only_attach)
            except Exception as error:
                raise _translated(error, self._settings) from error

        await run_in_own_loop(live, name="ably-realtime")

    async def _live(self, *, only_attach: bool) -> None:
        self._changes: asyncio.Queue[Any] = asyncio.Queue()
        self._transports: list[Any] = []
        client = AblyRealtime(**realtime_options(self._settings, self._timings))
        client.connection.on(self._on_connection_change)
        client.connection.connection_manager.on("transport.pending", self._on_transport)
        try:
            client.connect()
            await self._until_connected()
            async with asyncio.timeout(self._timings.request_timeout):
                await asyncio.gather(*(self._subscribe(client, channel) for channel in self._settings.channels))
            if not only_attach:
                await self._until_dead(client)
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

    async def _subscribe(self, client: AblyRealtime, name: str) -> None:
        channel = client.channels.get(name)

        def on_message(message: Any) -> None:
            try:
                ours = received(id=message.id, name=message.name, data=message.data, timestamp=message.timestamp)
            except UnreadableMessageError as error:
                logger.error("channel %s: ignored: %s", name, error)
                return
            self._home.call_soon_threadsafe(self._on_live, name, ours)

        def on_change(change: Any) -> None:
            logger.debug("Ably channel %s: %s", name, change.current.value)
            if change.current == "attached" and not change.resumed:
                self._home.call_soon_threadsafe(self._on_gap, name)
            elif change.current == "failed":
                self._changes.put_nowait(change)

        channel.on(on_change)
        await channel.subscribe(on_message)

    async def _until_dead(self, client: AblyRealtime) -> None:
        """Raises as soon as the client shows that nothing more will come from it."""
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
        return all(client.channels.get(name).state == "attached" for name in self._settings.channels)

    def _on_connection_change(self, change: Any) -> None:
        reason = f": {without_key(change.reason, self._settings)}" if change.reason else ""
        logger.info("Ably connection: %s%s", change.current.value, reason)
        self._changes.put_nowait(change)

    def _on_transport(self, transport: Any) -> None:
        """Keep track of the sockets: the library forgets those it has given up, closed or not."""
        self._transports = [old for old in self._transports if not _is_closed(old)] + [transport]

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


def _translated(error: Exception, settings: AblySettings) -> Exception:
    """Our error for whatever the library raised."""
    if isinstance(error, AblyKeyRefusedError | AblyUnavailableError):
        return error
    if isinstance(error, TimeoutError):
        return AblyUnavailableError("no answer in time")
    text = without_key(error, settings)
    if not isinstance(error, AblyException):
        return AblyUnavailableError(f"{type(error).__name__}: {text}")
    code = int(error.code or 0)
    if code == 40160:
        return AblyKeyRefusedError(
            f"{text}. The key needs `subscribe` and `history` on the channels {', '.join(settings.channels)}"
        )
    if code in (40005, 40400) or 40100 <= code < 40140:
        return AblyKeyRefusedError(f"{text}. Check the Ably key: it has the form <app>.<key id>:<secret>")
    return AblyUnavailableError(text)
