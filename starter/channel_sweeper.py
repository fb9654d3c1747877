"""Reads a channel's history again and again, so that nothing published while nobody listened is lost."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Protocol

from starter.ably_settings import AblyKeyRefusedError, AblyTimings, AblyUnavailableError
from starter.backoff import Backoff
from starter.channel_inbox import ChannelInbox
from starter.received_message import UnreadableMessageError, received_from_history

logger = logging.getLogger(__name__)


class History(Protocol):
    """Where the past of a channel can be read."""

    async def server_time(self) -> int:
        """The server's clock, in epoch milliseconds. Raises AblyUnavailableError."""
        ...

    def pages(self, channel: str, start: int) -> AsyncGenerator[Sequence[Mapping[str, object]]]:
        """The raw messages since `start` (epoch milliseconds), oldest first.

        Raises:
            AblyUnavailableError, AblyKeyRefusedError: the history could not be read.
        """
        ...


class ChannelSweeper:
    """Sweeps one channel: at the start, whenever asked, and at every interval.

    The cursor moves only when a sweep has read everything and everything it read was accepted. Live messages never
    move it: a silent gap before them would be skipped.

    Args:
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        channel: str,
        history: History,
        inbox: ChannelInbox,
        *,
        retention: timedelta,
        timings: AblyTimings,
        backoff: Backoff,
        clock: Callable[[], float],
    ) -> None:
        self._channel = channel
        self._history = history
        self._inbox = inbox
        self._retention = retention
        self._timings = timings
        self._backoff = backoff
        self._clock = clock
        self._wanted = asyncio.Event()
        self._cursor: int | None = None
        self._complete_at = clock()
        self._alarmed = False

    def request(self) -> None:
        """Ask for a sweep soon: there may have been a gap."""
        self._wanted.set()

    async def run(self) -> None:
        """Sweep until cancelled."""
        while True:
            self._wanted.clear()
            delay = await self._attempt()
            if delay is None:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._timings.sweep_interval):
                        await self._wanted.wait()
            else:
                # Not cut short by a request: a service in trouble is asked less often, not more.
                await asyncio.sleep(delay)

    async def watch(self) -> None:
        """Raise the alarm while no sweep was complete for longer than the channel keeps messages. Until cancelled."""
        retention = self._retention.total_seconds()
        while True:
            age = self._clock() - self._complete_at
            if age > retention:
                self._alarmed = True
                logger.error("channel %s: no complete sweep of its history for %.0f s, but it is kept for %.0f s only: "
                             "events may be lost (%d wait to be accepted)",
                             self._channel, age, retention, self._inbox.waiting)  # fmt: skip
            await asyncio.sleep(retention if age > retention else retention - age)

    async def _attempt(self) -> float | None:
        """One sweep; None if it could be read, else the seconds to wait before the next attempt."""
        try:
            complete = await self._sweep()
        except AblyKeyRefusedError as error:
            logger.error("channel %s: its history cannot be read: %s", self._channel, error)
            return self._timings.refused_delay
        except AblyUnavailableError as error:
            delay = self._backoff.next()
            logger.warning("channel %s: its history cannot be read, next attempt in %.1f s: %s",
                           self._channel, delay, error)  # fmt: skip
            return delay
        self._backoff.reset()
        if complete:
            self._note_complete()
        return None

    async def _sweep(self) -> bool:
        """Deliver everything since the cursor; whether all of it was accepted (and the cursor moved)."""
        if self._cursor is None:
            self._cursor = await self._history.server_time() - _milliseconds(self._retention)
        start = self._cursor - round(self._timings.sweep_overlap * 1000)
        newest, complete = self._cursor, True
        async with contextlib.aclosing(self._history.pages(self._channel, start)) as pages:
            async for page in pages:
                for raw in page:
                    try:
                        message = received_from_history(raw)
                    except UnreadableMessageError as error:
                        logger.error("channel %s: ignored in its history: %s", self._channel, error)
                        continue
                    complete = await self._inbox.deliver(message) and complete
                    newest = max(newest, int(message.timestamp.timestamp() * 1000))
        if complete:
            self._cursor = newest
        return complete

    def _note_complete(self) -> None:
        if self._alarmed:
            logger.warning("channel %s: its history is swept again after %.0f s; what was published earlier than its "
                           "retention of %s is not in it any more", self._channel, self._clock() - self._complete_at,
                           self._retention)  # fmt: skip
        self._alarmed = False
        self._complete_at = self._clock()


def _milliseconds(duration: timedelta) -> int:
    return round(duration.total_seconds() * 1000)
