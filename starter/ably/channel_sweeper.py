"""Reads a channel's history again and again, so that nothing published while nobody listened is lost."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, Protocol

from contract import metrics
from starter.ably.ably_settings import AblyKeyRefusedError, AblyTimings, AblyUnavailableError
from starter.ably.backoff import Backoff
from starter.ably.channel_inbox import ChannelInbox, NotNowError
from starter.ably.channel_reach import History, Reach, reach_back
from starter.ably.channel_records import ChannelRecord, Recalled
from starter.ably.received_message import UnreadableMessageError, received

logger = logging.getLogger(__name__)

COMPLETE: Final = "complete"
FAILED: Final = "failed"
"""What a sweep came to, in metrics."""


class Records(Protocol):
    """Where it is remembered up to when a channel was read, longer than this process lives.

    Raises:
        NotNowError: from every method; nothing is remembered at the moment.
    """

    async def recall(self, channel: str) -> Recalled | None:
        """The channel's record; None if it is not known."""
        ...

    async def establish(self, channel: str, born: datetime) -> ChannelRecord:
        """Begin a record, unless somebody else just did; the one that counts."""
        ...

    async def note(self, channel: str, record: ChannelRecord) -> None:
        """Keep what a complete reading has come to."""
        ...


class ChannelSweeper:
    """Sweeps one channel: at the start, whenever asked, and at every interval.

    A sweep reads from where the last complete one ended, whoever made it and however long ago: that is in the records.
    The mark moves only when a sweep has read everything and everything it read was accepted, and then to the server's
    time at which the sweep began. Live messages never move it: a silent gap before them would be skipped.

    A channel without a record is new to this installation: nothing is carried out that was published before this
    process began to follow it. Where a record that was known has gone, the database was lost: nothing is carried out
    that was published before that was noticed.

    Args:
        clock: Monotonic seconds; only how much time has passed is taken from it.
    """

    def __init__(
        self,
        channel: str,
        history: History,
        inbox: ChannelInbox,
        records: Records,
        *,
        timings: AblyTimings,
        backoff: Backoff,
        clock: Callable[[], float],
    ) -> None:
        self._channel = channel
        self._history = history
        self._inbox = inbox
        self._records = records
        self._timings = timings
        self._backoff = backoff
        self._clock = clock
        self._wanted = asyncio.Event()
        self._began = self._read_at = clock()
        self._known: ChannelRecord | None = None
        self._read_to: datetime | None = None
        self._is_forgetful = False
        self._is_blind = False
        metrics.CHANNEL_READ_AT.set(metrics.process_meter(), time.time(), channel=channel)
        for result in (COMPLETE, FAILED):  # a rise from nothing is no rise
            metrics.SWEEPS.add(metrics.process_meter(), 0, channel=channel, result=result)

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
        """Raise the alarm while the history was not read for longer than every channel keeps messages. Until cancelled.

        Whether anything is lost is told when it is read again: only then can it be known.
        """
        kept = self._timings.kept_at_least
        while True:
            age = self._clock() - self._read_at
            if age > kept:
                self._is_blind = True
                logger.error("channel %s: its history was not read for %.0f s; what is published meanwhile and does "
                             "not arrive live can be recovered only if the channel keeps messages",
                             self._channel, age)  # fmt: skip
            await asyncio.sleep(kept if age > kept else kept - age)

    async def _attempt(self) -> float | None:
        """One sweep; None if all went well, else the seconds to wait before the next attempt."""
        result = FAILED
        try:
            await self._sweep()
            result = COMPLETE
        except AblyKeyRefusedError as error:
            logger.error("channel %s: its history cannot be read: %s", self._channel, error.with_command)
            return self._timings.refused_delay
        except Exception as error:  # nothing that comes from outside may end the listener
            asked_to_wait = error.asked_to_wait if isinstance(error, AblyUnavailableError) else None
            delay = max(self._backoff.next(), asked_to_wait or 0)
            logger.warning("channel %s: its history cannot be read, next attempt in %.1f s: %s",
                           self._channel, delay, error, exc_info=asked_to_wait is None)  # fmt: skip
            return delay
        finally:
            metrics.SWEEPS.add(metrics.process_meter(), channel=self._channel, result=result)
        if self._is_forgetful:
            return self._backoff.next()
        self._backoff.reset()
        return None

    async def _sweep(self) -> None:
        """Deliver everything since the last complete sweep."""
        now = await self._history.server_time()
        record = await self._record(now)
        newest, complete = record.newest, True
        async with contextlib.aclosing(self._history.pages(self._start(record, now))) as pages:
            async for page in pages:
                for raw in page:
                    try:
                        message = received(raw)
                    except UnreadableMessageError as error:
                        logger.error("channel %s: ignored in its history: %s", self._channel, error)
                        continue
                    complete = await self._inbox.deliver(message) and complete
                    if message.timestamp <= now:  # no message can be of later, whatever it says
                        newest = max(newest or message.timestamp, message.timestamp)
        await self._tell_of_gap(record, now)
        self._read_at, self._is_blind = self._clock(), False
        metrics.CHANNEL_READ_AT.set(metrics.process_meter(), time.time(), channel=self._channel)
        self._read_to = now
        if complete and self._known is not None:
            await self._note(ChannelRecord(born=record.born, read_to=now, newest=newest))

    def _start(self, record: ChannelRecord, now: datetime) -> datetime:
        """Where to read from. A mark in the server's future is not believed."""
        overlap = timedelta(seconds=self._timings.kept_at_least)
        return max(record.born, min(record.read_to, now) - overlap)

    async def _record(self, now: datetime) -> ChannelRecord:
        """What is remembered of the channel. While that cannot be asked, the last that was known; before it ever was,
        what this process can be sure of: everything since it began is to be carried out."""
        began = now - timedelta(seconds=self._clock() - self._began)
        try:
            recalled = await self._records.recall(self._channel)
            record = recalled.record if recalled else await self._establish(began)
        except NotNowError:
            self._is_forgetful = True
            return self._known or ChannelRecord(born=began, read_to=began)
        self._is_forgetful = False
        if recalled is not None and recalled.went_back:
            # The accounts may have forgotten events that this process knows as accepted.
            logger.error("channel %s: the database went back in time; events since %s are delivered again",
                         self._channel, self._start(record, now).isoformat())  # fmt: skip
            self._inbox.forget()
        if self._known is None:
            logger.info("channel %s: read from %s on", self._channel, self._start(record, now).isoformat())
            if record.read_to < began:
                self._read_to = None  # what was read before this was known began later
        self._known = record
        return record

    async def _establish(self, began: datetime) -> ChannelRecord:
        """Begin a record where there is none."""
        if self._known is None:
            return await self._records.establish(self._channel, began)
        # The time is asked for again: it may have taken long until the record was found to be gone.
        record = await self._records.establish(self._channel, await self._history.server_time())
        logger.error("channel %s: its record was gone, so the database was lost; what was published before %s is not "
                     "carried out any more", self._channel, record.born.isoformat())  # fmt: skip
        return record

    async def _note(self, record: ChannelRecord) -> None:
        try:
            await self._records.note(self._channel, record)
        except NotNowError as reason:
            logger.debug("channel %s: that it was read cannot be noted: %s", self._channel, reason)

    async def _tell_of_gap(self, record: ChannelRecord, now: datetime) -> None:
        """Say what became of the messages of a time in which nobody read, if it was longer than every channel keeps."""
        since = max(record.read_to, self._read_to or record.read_to)
        if now - since <= timedelta(seconds=self._timings.kept_at_least):
            if self._is_blind:
                logger.warning("channel %s: its history is read again; nothing was lost", self._channel)
            return
        between = f"between {since.isoformat()} and {now.isoformat()}"
        match await reach_back(self._history, since, now, record.newest):
            case Reach.COMPLETE:
                logger.warning("channel %s: nobody read it %s; its history reaches back that far, so nothing was lost",
                               self._channel, between)  # fmt: skip
            case Reach.SHORT:
                logger.error("channel %s: nobody read it %s, and its history does not reach back that far: what was "
                             "published then, up to two minutes before its end, is lost. Switch on persistence for it",
                             self._channel, between)  # fmt: skip
            case Reach.UNKNOWN:
                logger.warning("channel %s: nobody read it %s; whether its history reaches back that far cannot be "
                               "told", self._channel, between)  # fmt: skip
