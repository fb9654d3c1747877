"""Waiting for what announces nothing: another process's state, the gateway's, or what lies behind a socket."""

import asyncio
import inspect
from collections.abc import Callable
from typing import Final

PATIENCE: Final = 100.0
"""Seconds: more than anything takes on a busy machine, and less than a test may take."""


async def until(condition: Callable[[], object], within: float = PATIENCE, every: float = 0.02) -> None:
    """Return once the condition holds, which may be awaitable; looks again and again. Raises ``TimeoutError``."""
    async with asyncio.timeout(within):
        while not await _outcome(condition):  # noqa: ASYNC110  # there is no event to wait for
            await asyncio.sleep(every)


async def _outcome(condition: Callable[[], object]) -> object:
    outcome = condition()
    return await outcome if inspect.isawaitable(outcome) else outcome
