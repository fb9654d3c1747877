"""Where a sweep starts, when its mark moves, and what is said of the time in which nobody read."""

import asyncio
import itertools
from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from starter.ably.ably_settings import AblyKeyRefusedError, AblyTimings, AblyUnavailableError
from starter.ably.backoff import Backoff
from starter.ably.channel_inbox import ChannelInbox
from starter.ably.channel_records import ChannelRecord
from starter.ably.channel_sweeper import ChannelSweeper
from starter.ably.received_message import ReceivedMessage
from testbed.waiting import PATIENCE
from tests.starter.ably.remembering import Memory

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
LOOK_BACK = timedelta(minutes=2)
HOUR = timedelta(hours=1)
TIMINGS = AblyTimings(sweep_interval=600, refused_delay=0)


def item(id: str, at: datetime = NOW) -> dict[str, object]:
    return {"id": id, "timestamp": int(at.timestamp() * 1000), "data": id}


class Script:
    """A history that answers each sweep with the next of its pages, and notes where the sweep started."""

    def __init__(self, *sweeps: Sequence[object], kept: Sequence[datetime] = ()) -> None:
        self._sweeps = itertools.chain(sweeps, itertools.repeat(()))
        self._kept = kept
        self.now = NOW
        self.starts: list[datetime] = []

    async def server_time(self) -> datetime:
        return self.now

    async def pages(self, start: datetime) -> AsyncGenerator[Sequence[object]]:
        self.starts.append(start)
        for entry in next(self._sweeps):
            if isinstance(entry, Exception):
                raise entry
            yield [entry]

    async def newest_until(self, end: datetime) -> datetime | None:
        return max((at for at in self._kept if at <= end), default=None)


class Sweeping:
    """A sweeper over a script, with everything it delivered. ``up_for``: seconds since the process began."""

    def __init__(self, script: Script, memory: Memory, *, refused: frozenset[str] = frozenset()) -> None:
        self.script = script
        self.delivered: list[str] = []
        self.up_for = 0.0
        self._refused = refused
        self.sweeper = ChannelSweeper(
            "c",
            script,
            ChannelInbox("c", self._take, Backoff(0, 0)),
            memory,
            timings=TIMINGS,
            backoff=Backoff(0, 0),
            clock=lambda: self.up_for,
        )

    async def _take(self, channel: str, message: ReceivedMessage) -> None:
        self.delivered.append(message.id)
        if message.id in self._refused:
            raise RuntimeError("not now")

    async def starts(self, count: int) -> list[datetime]:
        """Run until so many sweeps have started (asking for each of them), and one more has been let finish."""
        task = asyncio.create_task(self.sweeper.run())
        async with asyncio.timeout(PATIENCE):
            while len(self.script.starts) < count:
                self.sweeper.request()
                await asyncio.sleep(0)
        for _ in range(10):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return self.script.starts[:count]


def followed(read_to: datetime = NOW, born: datetime = NOW - 1000 * HOUR, newest: datetime | None = None) -> Memory:
    """A memory of the channel ``c``."""
    return Memory(c=ChannelRecord(born=born, read_to=read_to, newest=newest))


async def test_a_sweep_starts_from_where_the_last_complete_one_ended_however_long_ago() -> None:
    since = NOW - 70 * HOUR
    assert await Sweeping(Script(), followed(since)).starts(1) == [since - LOOK_BACK]


async def test_a_new_channel_is_read_from_when_this_process_began_to_follow_it() -> None:
    memory = Memory()
    sweeping = Sweeping(Script(), memory)
    sweeping.up_for = 300  # so long ago, although only now anything can be read and remembered
    assert await sweeping.starts(1) == [NOW - timedelta(seconds=300)]
    assert memory.records["c"].born == NOW - timedelta(seconds=300)


async def test_nothing_is_read_that_was_published_before_the_channel_was_followed() -> None:
    born = NOW - timedelta(seconds=30)
    assert await Sweeping(Script(), followed(NOW, born)).starts(1) == [born]


async def test_a_complete_sweep_moves_the_mark_to_the_servers_time_at_which_it_began() -> None:
    memory = followed(NOW - HOUR)
    newest = NOW - timedelta(minutes=7)
    sweeping = Sweeping(Script([item("a", NOW - timedelta(minutes=9)), item("b", newest)]), memory)
    assert await sweeping.starts(2) == [NOW - HOUR - LOOK_BACK, NOW - LOOK_BACK]
    assert (memory.records["c"].read_to, memory.records["c"].newest) == (NOW, newest)


@pytest.mark.parametrize(
    "error", [AblyUnavailableError("down"), AblyKeyRefusedError("no"), ValueError("whatever"), TypeError("garbage")]
)
async def test_a_sweep_that_breaks_off_leaves_the_mark_where_it_is(error: Exception) -> None:
    first = NOW - HOUR
    sweeping = Sweeping(Script([item("a"), error], [item("a"), item("b")]), followed(first))
    assert await sweeping.starts(3) == [first - LOOK_BACK, first - LOOK_BACK, NOW - LOOK_BACK]
    assert sweeping.delivered == ["a", "b"]


async def test_a_sweep_with_a_refused_message_leaves_the_mark_where_it_is() -> None:
    first = NOW - HOUR
    sweeping = Sweeping(Script([item("bad"), item("good")]), followed(first), refused=frozenset({"bad"}))
    assert await sweeping.starts(1) == [first - LOOK_BACK]
    assert sweeping.delivered == ["bad", "good"]


async def test_a_message_from_the_future_does_not_move_the_mark_beyond_the_servers_time() -> None:
    memory = followed()
    sweeping = Sweeping(Script([item("future", NOW + 1000 * HOUR), item("now")]), memory)
    assert await sweeping.starts(2) == [NOW - LOOK_BACK, NOW - LOOK_BACK]
    assert (memory.records["c"].read_to, memory.records["c"].newest) == (NOW, NOW)


async def test_a_mark_in_the_servers_future_is_not_believed() -> None:
    assert await Sweeping(Script(), followed(NOW + HOUR)).starts(1) == [NOW - LOOK_BACK]


async def test_while_nothing_is_remembered_everything_since_the_process_began_is_read() -> None:
    memory = followed(NOW - 5 * HOUR)
    memory.is_away = True
    sweeping = Sweeping(Script([item("a")]), memory)
    sweeping.up_for = 100
    began = NOW - timedelta(seconds=100)
    assert await sweeping.starts(1) == [began]
    memory.is_away = False
    await sweeping.starts(len(sweeping.script.starts) + 1)
    assert NOW - 5 * HOUR - LOOK_BACK in sweeping.script.starts


async def test_a_lost_record_is_a_new_installation_from_when_that_is_noticed(caplog: pytest.LogCaptureFixture) -> None:
    memory = followed(NOW - HOUR)
    script = Script()
    sweeping = Sweeping(script, memory)
    await sweeping.starts(1)
    memory.records.clear()
    sweeping.up_for = 3600
    script.now = NOW + HOUR
    assert (await sweeping.starts(2))[1] == NOW + HOUR
    assert memory.records["c"].born == NOW + HOUR
    assert "the database was lost" in caplog.text


async def test_what_was_accepted_is_delivered_again_if_the_database_went_back(caplog: pytest.LogCaptureFixture) -> None:
    memory = followed(NOW - HOUR)
    sweeping = Sweeping(Script([item("a")], [item("a")], [item("a"), item("b")]), memory)
    await sweeping.starts(2)
    assert sweeping.delivered == ["a"]
    memory.went_back = True
    await sweeping.starts(3)
    assert sweeping.delivered == ["a", "a", "b"]
    assert "went back in time" in caplog.text


async def test_a_server_that_asks_for_rest_gets_it() -> None:
    sweeping = Sweeping(Script([AblyUnavailableError("busy", asked_to_wait=3600)]), followed())
    task = asyncio.create_task(sweeping.sweeper.run())
    for _ in range(200):
        sweeping.sweeper.request()
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert len(sweeping.script.starts) == 1


@pytest.mark.parametrize(
    "broken", [{}, {"id": "x"}, {"id": "x", "timestamp": "noon"}, {"id": "x", "timestamp": 1e300}, "text", None, [1], 7]
)
async def test_an_item_that_is_no_message_is_reported_and_hides_nothing(
    broken: object, caplog: pytest.LogCaptureFixture
) -> None:
    memory = followed(NOW - HOUR)
    sweeping = Sweeping(Script([item("a"), broken, item("b")]), memory)
    await sweeping.starts(2)
    assert sweeping.delivered == ["a", "b"]
    assert memory.records["c"].read_to == NOW
    assert "ignored in its history" in caplog.text


@pytest.mark.parametrize(
    ("read_to", "newest", "kept", "told"),
    [
        (NOW - timedelta(seconds=110), None, [], ""),
        (NOW - HOUR, NOW - 2 * HOUR, [NOW - 2 * HOUR], "reaches back that far, so nothing was lost"),
        (NOW - HOUR, NOW - 300 * HOUR, [NOW - HOUR / 2], "reaches back that far, so nothing was lost"),
        (NOW - HOUR, NOW - 2 * HOUR, [], "is lost. Switch on persistence"),
        (NOW - HOUR, None, [], "cannot be told"),
        (NOW - HOUR, NOW - 300 * HOUR, [], "cannot be told"),
        (NOW - 50 * HOUR, NOW - 300 * HOUR, [NOW - HOUR], "cannot be told"),
    ],
)
async def test_what_became_of_a_time_in_which_nobody_read_is_told_as_it_is(
    read_to: datetime,
    newest: datetime | None,
    kept: Sequence[datetime],
    told: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    await Sweeping(Script(kept=kept), followed(read_to, newest=newest)).starts(2)
    found = [one.getMessage() for one in caplog.records]
    assert len(found) == (1 if told else 0), found
    assert told in caplog.text


async def test_after_a_short_outage_nothing_is_said_to_be_lost(caplog: pytest.LogCaptureFixture) -> None:
    broken = [AblyUnavailableError("down")] * 3
    await Sweeping(Script(*[[one] for one in broken], [item("a")]), followed()).starts(4)
    assert "lost" not in caplog.text
