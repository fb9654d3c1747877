"""What runs beside a block ends it when it fails, and is over when the block is."""

import asyncio

import pytest

from testbed.background import in_background


async def failing() -> None:
    await asyncio.sleep(0.01)
    raise ValueError("broken")


async def test_a_service_that_fails_ends_the_block_with_its_failure_and_nothing_else() -> None:
    with pytest.raises(ValueError, match="broken"):
        async with in_background(failing()):
            await asyncio.sleep(60)
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_a_service_that_just_ends_is_missed() -> None:
    with pytest.raises(RuntimeError, match="has ended by itself"):
        async with in_background(asyncio.sleep(0.01)):
            await asyncio.sleep(60)


async def test_a_service_is_cancelled_when_the_block_is_over_or_fails() -> None:
    ends: list[str] = []

    async def serving(name: str) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ends.append(name)

    async def block(name: str) -> None:
        async with in_background(serving(name)):
            await asyncio.sleep(0)
            if name == "failed":
                raise KeyError

    await block("over")
    with pytest.raises(KeyError):
        await block("failed")
    assert ends == ["over", "failed"]


async def test_a_cancel_from_outside_stays_one() -> None:
    async def body() -> None:
        async with in_background(asyncio.sleep(60)):
            await asyncio.sleep(60)

    task = asyncio.create_task(body())
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
