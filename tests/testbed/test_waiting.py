"""What is waited for is looked at until it is so, and not for ever."""

import asyncio
from collections.abc import Callable

import pytest

from testbed.waiting import until


def so_at(count: int) -> Callable[[], bool]:
    """A condition that holds when it is looked at for this time."""
    looks = iter(range(1, count + 1))
    return lambda: next(looks) == count


async def test_a_condition_is_looked_at_until_it_holds() -> None:
    await until(so_at(3), every=0)


async def test_it_may_be_one_that_has_to_be_asked_for() -> None:
    condition = so_at(3)

    async def asked() -> bool:
        await asyncio.sleep(0)
        return condition()

    await until(asked, every=0)
    with pytest.raises(StopIteration):
        condition()


@pytest.mark.parametrize("never", [lambda: False, lambda: asyncio.sleep(0, False), lambda: asyncio.sleep(60, True)])
async def test_what_never_holds_or_never_answers_is_not_waited_for_for_ever(never: Callable[[], object]) -> None:
    with pytest.raises(TimeoutError):
        await until(never, within=0.05, every=0.01)
