"""A coroutine in a loop of its own: its end, its error, and its cancellation."""

import asyncio
import contextlib
import threading
import time

import pytest

from starter.ably.own_loop import run_in_own_loop

NAME = "own-loop-test"


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == NAME]


async def test_it_runs_in_a_thread_of_its_own_and_ends_with_it() -> None:
    seen: list[str] = []

    async def work() -> None:
        seen.append(threading.current_thread().name)

    await run_in_own_loop(work, name=NAME)
    assert seen == [NAME]
    assert threads() == []


async def test_its_error_reaches_the_caller() -> None:
    async def work() -> None:
        raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        await run_in_own_loop(work, name=NAME)


async def test_cancelling_cancels_it_and_waits_for_its_cleaning_up() -> None:
    home, started, cleaned = asyncio.get_running_loop(), asyncio.Event(), False

    async def work() -> None:
        nonlocal cleaned
        try:
            home.call_soon_threadsafe(started.set)
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.01)
            cleaned = True

    task = asyncio.create_task(run_in_own_loop(work, name=NAME))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert cleaned
    assert threads() == []


async def test_cancelling_before_it_has_begun_is_safe() -> None:
    async def work() -> None:
        await asyncio.sleep(60)

    for _ in range(20):
        task = asyncio.create_task(run_in_own_loop(work, name=NAME))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, 5)
    assert threads() == []


async def test_a_cancellation_that_is_swallowed_is_repeated() -> None:
    home, started = asyncio.get_running_loop(), asyncio.Event()

    async def work() -> None:
        home.call_soon_threadsafe(started.set)
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        await asyncio.sleep(60)

    task = asyncio.create_task(run_in_own_loop(work, name=NAME, cancel_again_after=0.01))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert threads() == []


async def test_tasks_it_leaves_behind_are_cancelled() -> None:
    ended: list[str] = []

    async def forgotten() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append("forgotten")

    async def work() -> None:
        tasks.append(asyncio.create_task(forgotten()))
        await asyncio.sleep(0)

    tasks: list[asyncio.Task[None]] = []
    await run_in_own_loop(work, name=NAME)
    assert ended == ["forgotten"]


async def test_blocking_its_loop_does_not_block_the_callers() -> None:
    turns = 0

    async def work() -> None:
        time.sleep(0.2)  # noqa: ASYNC251 (that is the point)

    task = asyncio.create_task(run_in_own_loop(work, name=NAME))
    while not task.done():
        turns += 1
        await asyncio.sleep(0.005)
    assert turns > 2
