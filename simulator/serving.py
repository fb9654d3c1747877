"""Running a stand-in on its own until it is told to stop."""

import asyncio
import signal
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def told_to_stop() -> Generator[asyncio.Event]:
    """Set by SIGINT or SIGTERM, so that leaving is orderly; from before anybody is told that it runs."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)
    for number in signals:
        loop.add_signal_handler(number, stop.set)
    try:
        yield stop
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
