"""Listening to Ably's channels: live, and through their history for whatever did not arrive live."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Mapping
from datetime import datetime

from starter.ably.ably_failures import keep_key_out_of_logs, raise_for
from starter.ably.ably_history import HistoryReader
from starter.ably.ably_realtime import RealtimeSession
from starter.ably.ably_settings import AblyKeyRefusedError, AblySettings, AblyTimings, AblyUnavailableError
from starter.ably.backoff import Backoff
from starter.ably.channel_inbox import ChannelInbox, OnMessage
from starter.ably.channel_reach import KEPT_WITHOUT_PERSISTENCE, LEEWAY, Reach, reach_back
from starter.ably.channel_sweeper import ChannelSweeper, Records
from starter.ably.received_message import ReceivedMessage

logger = logging.getLogger(__name__)


class AblyChannelListener:
    """Brings every message of the channels to `on_message`: at least once, and in this process only once.

    Args:
        settings: How to reach Ably.
        records: What is remembered of the channels.
        on_message: Called with channel and message, one message per channel at a time. Returning accepts the message;
            raising keeps it for another attempt.
        timings: How long to wait for what.
    """

    def __init__(
        self,
        settings: AblySettings,
        records: Records,
        on_message: OnMessage,
        *,
        timings: AblyTimings | None = None,
    ) -> None:
        self._settings = settings
        self._records = records
        self._on_message = on_message
        self._timings = timings or AblyTimings()
        self._live: dict[str, asyncio.Queue[ReceivedMessage]] = {}
        self._sweepers: dict[str, ChannelSweeper] = {}

    async def run(self) -> None:
        """Listen until cancelled. Ably's failures never end it: they are logged, and it tries again."""
        keep_key_out_of_logs()
        async with contextlib.AsyncExitStack() as readers, asyncio.TaskGroup() as tasks:
            for channel in self._settings.channels:
                inbox = ChannelInbox(channel, self._on_message, self._backoff())
                sweeper = self._sweepers[channel] = ChannelSweeper(
                    channel,
                    await readers.enter_async_context(HistoryReader(self._settings, self._timings, channel)),
                    inbox,
                    self._records,
                    timings=self._timings,
                    backoff=self._backoff(),
                    clock=time.monotonic,
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
            started = time.monotonic()
            try:
                await session.run()
            except AblyKeyRefusedError as error:
                delay = self._timings.refused_delay
                logger.error("no live messages from Ably, next attempt in %.0f s: %s", delay, error.with_command)
            except AblyUnavailableError as error:
                if time.monotonic() - started > self._timings.settled_after:
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
        return Backoff(self._timings.backoff_base, self._timings.backoff_maximum)


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
    problems: dict[str, Exception] = {}
    for channel in settings.channels:
        async with HistoryReader(settings, timings, channel) as history:
            try:
                await history.newest_until(await history.server_time())
            except (AblyKeyRefusedError, AblyUnavailableError) as error:
                problems[channel] = error
    raise_for(problems)
    await RealtimeSession(settings, timings, _ignore, _ignore).try_to_attach()


async def kept_messages(
    settings: AblySettings, seen: Mapping[str, datetime], timings: AblyTimings | None = None
) -> Mapping[str, Reach]:
    """Whether each channel keeps its messages for longer than two minutes, as far as its history tells.

    Args:
        seen: When the newest message that is known of was published, by channel.

    Raises:
        AblyKeyRefusedError, AblyUnavailableError: a history cannot be read.
    """
    keep_key_out_of_logs()
    found: dict[str, Reach] = {}
    for channel in settings.channels:
        async with HistoryReader(settings, timings or AblyTimings(), channel) as history:
            now = await history.server_time()
            found[channel] = await reach_back(history, now - KEPT_WITHOUT_PERSISTENCE - LEEWAY, now, seen.get(channel))
    return found


def _ignore(*_: object) -> None:
    """Whoever only looks whether the door opens takes nothing out."""
