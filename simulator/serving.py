"""Running a stand-in on its own until it is told to stop."""

import asyncio
import signal


async def until_stopped() -> None:
    """Wait for SIGINT or SIGTERM, so that leaving is orderly."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)
    for number in signals:
        loop.add_signal_handler(number, stop.set)
    try:
        await stop.wait()
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
