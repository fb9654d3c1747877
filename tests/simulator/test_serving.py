"""A stand-in that runs on its own leaves in order, whenever it is told to stop."""

import asyncio
import os
import signal

import pytest

from simulator.serving import told_to_stop


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_that_comes_while_it_is_told_that_it_runs_is_heeded(number: signal.Signals) -> None:
    with told_to_stop() as stop:
        os.kill(os.getpid(), number)
        async with asyncio.timeout(5):
            await stop.wait()
