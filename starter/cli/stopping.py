"""From SIGINT, SIGTERM or a closed terminal to a clean stop."""

import asyncio
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(Exception):
    """A signal ended the command before its work was done."""


@asynccontextmanager
async def stopped_by_signal() -> AsyncGenerator[asyncio.Event]:
    """While the block runs, the first signal sets the yielded event and cancels the block, which then cleans up.

    A second signal changes nothing: cleaning up has its own time limits. Raises ``Stopped`` at the block's end.
    """
    stopped = asyncio.Event()
    block = asyncio.current_task()
    loop = asyncio.get_running_loop()

    def stop() -> None:
        if not stopped.is_set():
            stopped.set()
            if block is not None:
                block.cancel()

    for number in SIGNALS:
        loop.add_signal_handler(number, stop)
    try:
        yield stopped
    except asyncio.CancelledError:
        if not stopped.is_set():
            raise
        if block is not None:
            block.uncancel()
        raise Stopped from None
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)
