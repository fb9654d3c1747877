"""What is accepted, what is tried again, and what is remembered."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from starter.ably.backoff import Backoff
from starter.ably.channel_inbox import ChannelInbox, NotNowError
from starter.ably.received_message import ReceivedMessage
from testbed.waiting import until

WHEN = datetime(2026, 3, 2, tzinfo=UTC)


def message(id: str) -> ReceivedMessage:
    return ReceivedMessage(id=id, data=None, timestamp=WHEN)


class Reader:
    """Takes what it is told to take."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.refuses: Callable[[str], bool] = lambda _: False

    async def __call__(self, channel: str, message: ReceivedMessage) -> None:
        self.calls.append(message.id)
        if self.refuses(message.id):
            raise RuntimeError("not now")


async def test_the_same_id_is_handed_on_once() -> None:
    reader = Reader()
    inbox = ChannelInbox("c", reader, Backoff(0, 0))
    assert [await inbox.deliver(message(id)) for id in ("a", "a", "b")] == [True, True, True]
    assert reader.calls == ["a", "b"]


async def test_the_same_id_arriving_twice_at_once_is_handed_on_once() -> None:
    reader = Reader()
    inbox = ChannelInbox("c", reader, Backoff(0, 0))
    await asyncio.gather(*(inbox.deliver(message("a")) for _ in range(5)))
    assert reader.calls == ["a"]


async def test_only_the_latest_ids_are_remembered() -> None:
    reader = Reader()
    inbox = ChannelInbox("c", reader, Backoff(0, 0), remembered=2)
    for id in ("a", "b", "c", "a", "c"):
        await inbox.deliver(message(id))
    assert reader.calls == ["a", "b", "c", "a"]


async def test_refused_messages_are_tried_again_in_the_order_they_came() -> None:
    reader = Reader()
    reader.refuses = lambda _: len(reader.calls) <= 4
    inbox = ChannelInbox("c", reader, Backoff(0, 0))
    assert [await inbox.deliver(message(id)) for id in ("a", "b")] == [False, False]
    retrying = asyncio.create_task(inbox.retry_refused())
    await until(lambda: not inbox.waiting, every=0)
    retrying.cancel()
    assert reader.calls == ["a", "b", "a", "b", "a", "b"]


async def test_a_refused_message_that_comes_again_is_accepted_and_waits_no_longer() -> None:
    reader = Reader()
    reader.refuses = lambda _: len(reader.calls) == 1
    inbox = ChannelInbox("c", reader, Backoff(0, 0))
    assert not await inbox.deliver(message("a"))
    assert await inbox.deliver(message("a"))
    assert inbox.waiting == 0


async def test_what_waits_is_bounded(caplog: pytest.LogCaptureFixture) -> None:
    reader = Reader()
    reader.refuses = lambda _: True
    inbox = ChannelInbox("c", reader, Backoff(0, 0), max_waiting=2)
    for id in ("a", "b", "c"):
        assert not await inbox.deliver(message(id))
    assert inbox.waiting == 2
    assert "message c stays in the channel's history only" in caplog.text


def test_delays_grow_to_their_maximum_and_start_again() -> None:
    backoff = Backoff(1, 5, chance=lambda: 0.0)
    assert [backoff.next() for _ in range(4)] == [1, 2, 4, 5]
    backoff.reset()
    assert backoff.next() == 1


def test_delays_do_not_overflow_and_jitter_only_shortens_them() -> None:
    backoff = Backoff(1, 5, chance=lambda: 1.0)
    assert [backoff.next() for _ in range(3000)][-1] == 2.5


class Door:
    """Accepts nothing while it is shut."""

    def __init__(self) -> None:
        self.is_shut = True
        self.calls: list[str] = []

    async def __call__(self, channel: str, message: ReceivedMessage) -> None:
        self.calls.append(message.id)
        if self.is_shut:
            raise NotNowError("nobody is there")


async def test_while_nothing_is_accepted_messages_wait_together_and_are_told_of_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    door = Door()
    inbox = ChannelInbox("c", door, Backoff(0, 0))
    assert [await inbox.deliver(message(id)) for id in ("a", "b", "a", "c")] == [False] * 4
    assert door.calls == ["a"]
    assert inbox.waiting == 3
    retrying = asyncio.create_task(inbox.retry_refused())
    await until(lambda: len(door.calls) >= 4, every=0)
    assert set(door.calls) == {"a"}
    door.is_shut = False
    await until(lambda: not inbox.waiting, every=0)
    retrying.cancel()
    assert door.calls[-3:] == ["a", "b", "c"]
    assert await inbox.deliver(message("d"))
    assert [record.levelname for record in caplog.records] == ["WARNING"]
