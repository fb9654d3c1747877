"""Services that run beside what is done with them."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager


@asynccontextmanager
async def in_background(service: Coroutine[object, object, object]) -> AsyncGenerator[None]:
    """Run a service beside the block, and cancel it afterwards; its failure ends the block."""
    block = asyncio.current_task()
    task = asyncio.create_task(service)

    def on_end(ended: asyncio.Task[object]) -> None:
        if not ended.cancelled() and block is not None:
            block.cancel()

    task.add_done_callback(on_end)
    try:
        yield
    finally:
        task.remove_done_callback(on_end)
        task.cancel()
        results = await asyncio.gather(task, return_exceptions=True)
        if isinstance(results[0], Exception):
            raise results[0]
