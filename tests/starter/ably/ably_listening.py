"""A listener that runs against the Ably stand-in, and what a test of it waits for."""

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr

from simulator.ably import SimulatedAbly
from starter.ably.ably_channel import AblyChannelListener
from starter.ably.ably_settings import AblySettings, AblyTimings
from starter.ably.channel_sweeper import Records
from starter.ably.received_message import ReceivedMessage
from testbed.waiting import until
from tests.starter.ably.remembering import FollowedForYears

KEY = "app.key:hush-hush"
WAIT = 60.0
TIMINGS = AblyTimings(
    sweep_interval=600,
    ping_interval=0.1,
    request_timeout=1.0,
    reconnect_patience=0.3,
    close_timeout=0.3,
    backoff_base=0.05,
    backoff_maximum=0.2,
    refused_delay=0.1,
)
"""Fast, but without a periodic sweep within a test: what is found is found for a reason."""


class Acceptor:
    """An `on_message` that remembers what it took, and refuses what it is told to refuse."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, ReceivedMessage]] = []
        self.calls = 0
        self.refuse: Callable[[ReceivedMessage], bool] = lambda _: False
        self._changed = asyncio.Condition()

    async def __call__(self, channel: str, message: ReceivedMessage) -> None:
        self.calls += 1
        async with self._changed:
            self._changed.notify_all()
        if self.refuse(message):
            raise RuntimeError("not now")
        async with self._changed:
            self.taken.append((channel, message))
            self._changed.notify_all()

    @property
    def data(self) -> list[object]:
        return [message.data for _, message in self.taken]

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(WAIT), self._changed:
            await self._changed.wait_for(condition)

    async def has(self, *data: object) -> None:
        """Wait until everything in `data` was taken, in whatever order; nothing may have been taken twice."""
        await self.until(lambda: all(item in self.data for item in data))
        assert max(Counter(message.id for _, message in self.taken).values()) == 1


def settings(ably: SimulatedAbly, *channels: str, key: str = KEY, **more: Any) -> AblySettings:
    return AblySettings(
        key=SecretStr(key),
        channels=channels or ("signals",),
        endpoint=ably.endpoint,
        port=ably.port,
        tls=False,
        **more,
    )


@asynccontextmanager
async def listening(
    ably: SimulatedAbly,
    acceptor: Callable[[str, ReceivedMessage], Awaitable[None]],
    *channels: str,
    timings: AblyTimings = TIMINGS,
    records: Records | None = None,
    **more: Any,
) -> AsyncGenerator[None]:
    """A listener that runs; at the end it is cancelled and must have left nothing behind."""
    before = asyncio.all_tasks()
    listener = AblyChannelListener(
        settings(ably, *channels, **more), records or FollowedForYears(), acceptor, timings=timings
    )
    task = asyncio.create_task(listener.run())
    try:
        yield
        assert not task.done()
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, WAIT)
    assert [task for task in asyncio.all_tasks() - before if _is_ours(task)] == []
    assert [thread.name for thread in threading.enumerate() if thread.name == "ably-realtime"] == []


def _is_ours(task: "asyncio.Task[Any]") -> bool:
    return "starter" in repr(task) or "ably/" in repr(task).replace("simulator/ably/", "")


async def soon(condition: Callable[[], bool]) -> None:
    """Wait for a condition nobody announces."""
    await until(condition, within=WAIT)


async def attached(ably: SimulatedAbly, acceptor: Acceptor, channel: str = "signals") -> None:
    """Wait until the channel is attached and the sweeps that belong to the start are over.

    What is published afterwards can only come live, or through a sweep that has a reason of its own.
    """
    await soon(lambda: ably.attached(channel) > 0)
    quiet = 0
    while quiet < 5:
        seen = len(ably.rest_requests)
        await asyncio.sleep(0.02)
        quiet = quiet + 1 if len(ably.rest_requests) == seen else 0
    acceptor.taken.clear()


class MovableClock:
    """The stand-in's clock: real time, plus what a test adds. Milliseconds."""

    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        return round(datetime.now(UTC).timestamp() * 1000) + self.now
