"""Where a sweep starts, and when the cursor moves."""

import asyncio
import itertools
from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import timedelta

import pytest

from starter.ably_settings import AblyKeyRefusedError, AblyTimings, AblyUnavailableError
from starter.backoff import Backoff
from starter.channel_inbox import ChannelInbox
from starter.channel_sweeper import ChannelSweeper
from starter.received_message import ReceivedMessage

NOW = 1_800_000_000_000
TIMINGS = AblyTimings(sweep_interval=600, sweep_overlap=10, refused_delay=0)


def item(id: str, timestamp: int = NOW) -> dict[str, object]:
    return {"id": id, "timestamp": timestamp, "data": id}


class Script:
    """A history that answers each sweep with the next of its pages, and notes where the sweep started."""

    def __init__(self, *sweeps: Sequence[dict[str, object] | Exception]) -> None:
        self._sweeps = itertools.chain(sweeps, itertools.repeat(()))
        self.starts: list[int] = []

    async def server_time(self) -> int:
        return NOW

    async def pages(self, channel: str, start: int) -> AsyncGenerator[Sequence[Mapping[str, object]]]:
        self.starts.append(start)
        for entry in next(self._sweeps):
            if isinstance(entry, Exception):
                raise entry
            yield [entry]


class Sweeping:
    """A sweeper over a script, with everything it delivered."""

    def __init__(self, script: Script, *, refused: frozenset[str] = frozenset()) -> None:
        self.script = script
        self.delivered: list[str] = []
        self._refused = refused
        self.sweeper = ChannelSweeper(
            "c",
            script,
            ChannelInbox("c", self._take, Backoff(0, 0)),
            retention=timedelta(minutes=2),
            timings=TIMINGS,
            backoff=Backoff(0, 0),
            clock=lambda: 0.0,
        )

    async def _take(self, channel: str, message: ReceivedMessage) -> None:
        self.delivered.append(message.id)
        if message.id in self._refused:
            raise RuntimeError("not now")

    async def starts(self, count: int) -> list[int]:
        """Run until so many sweeps have started (asking for each of them), and one more has been let finish."""
        task = asyncio.create_task(self.sweeper.run())
        async with asyncio.timeout(5):
            while len(self.script.starts) < count:
                self.sweeper.request()
                await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return self.script.starts[:count]


FIRST = NOW - 120_000 - 10_000


async def test_the_first_sweep_goes_back_as_far_as_messages_are_kept() -> None:
    assert await Sweeping(Script()).starts(1) == [FIRST]


async def test_a_complete_sweep_moves_the_cursor_to_its_newest_message() -> None:
    sweeping = Sweeping(Script([item("a", NOW - 5000), item("b", NOW)]))
    assert await sweeping.starts(2) == [FIRST, NOW - 10_000]


async def test_an_empty_sweep_leaves_the_cursor_where_it_is() -> None:
    assert await Sweeping(Script([])).starts(2) == [FIRST, FIRST]


@pytest.mark.parametrize("error", [AblyUnavailableError("down"), AblyKeyRefusedError("no")])
async def test_a_sweep_that_breaks_off_leaves_the_cursor_where_it_is(error: Exception) -> None:
    sweeping = Sweeping(Script([item("a"), error], [item("a"), item("b")]))
    assert await sweeping.starts(3) == [FIRST, FIRST, NOW - 10_000]
    assert sweeping.delivered == ["a", "b"]


async def test_a_sweep_with_a_refused_message_leaves_the_cursor_where_it_is() -> None:
    sweeping = Sweeping(Script([item("bad"), item("good")]), refused=frozenset({"bad"}))
    assert await sweeping.starts(2) == [FIRST, FIRST]
    assert sweeping.delivered == ["bad", "good"]


@pytest.mark.parametrize("broken", [{}, {"id": "x"}, {"id": "x", "timestamp": "noon"}, {"id": "x", "timestamp": 1e300}])
async def test_an_item_that_is_no_message_is_reported_and_hides_nothing(
    broken: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    sweeping = Sweeping(Script([item("a"), broken, item("b")]))
    assert await sweeping.starts(2) == [FIRST, NOW - 10_000]
    assert sweeping.delivered == ["a", "b"]
    assert "ignored in its history" in caplog.text
