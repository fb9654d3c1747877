"""Heartbeats for activities that wait: how the server notices a killed worker, and how a cancel arrives."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Final

from temporalio import activity

BEAT: Final = 0.5
"""Seconds between heartbeats, a quarter of the heartbeat time-out."""


@asynccontextmanager
async def heartbeating() -> AsyncGenerator[None]:
    """Send heartbeats while the block runs."""

    async def beat() -> None:
        while True:  # what is over sooner than the first beat needs none
            await asyncio.sleep(BEAT)
            activity.heartbeat()

    task = asyncio.create_task(beat())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
