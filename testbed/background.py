"""Services that run beside what is done with them."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager


@asynccontextmanager
async def in_background(service: Coroutine[object, object, object]) -> AsyncGenerator[None]:
    """Run a service beside the block, and cancel it afterwards; the block ends when it ends, with its failure."""
    block = asyncio.current_task()
    task = asyncio.create_task(service)

    def end_block(ended: asyncio.Task[object]) -> None:
        if not ended.cancelled() and block is not None:
            block.cancel()

    task.add_done_callback(end_block)
    try:
        yield
    except asyncio.CancelledError:
        if not task.done() or task.cancelled():
            raise
        if block is not None:
            block.uncancel()
        if task.exception() is None:
            raise RuntimeError(f"{task.get_coro()} has ended by itself") from None
    finally:
        task.remove_done_callback(end_block)
        task.cancel()
        results = await asyncio.gather(task, return_exceptions=True)
        if isinstance(results[0], Exception):
            raise results[0]
