"""Running a coroutine in a thread and an event loop of its own."""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Coroutine
from typing import Any

CANCEL_AGAIN_AFTER = 5.0
"""Seconds an orderly end may take; a coroutine that has not ended by then has swallowed its cancellation."""

logger = logging.getLogger(__name__)


async def run_in_own_loop(
    start: Callable[[], Coroutine[Any, Any, None]], *, name: str, cancel_again_after: float = CANCEL_AGAIN_AFTER
) -> None:
    """Run the coroutine that `start` makes in a fresh thread and event loop, and wait for its end.

    For a library that blocks its loop and leaves tasks behind: it can only block its own, and when the coroutine
    has ended every task left on that loop is cancelled. Cancelling this cancels the coroutine, and returns when
    the thread has ended.

    Raises:
        Whatever the coroutine raises.
    """
    home = asyncio.get_running_loop()
    ended: asyncio.Future[None] = home.create_future()
    stay = _Stay(start, cancel_again_after)

    def work() -> None:
        error = stay.run()
        home.call_soon_threadsafe(_settle, ended, error)

    thread = threading.Thread(target=work, name=name, daemon=True)
    thread.start()
    try:
        await asyncio.shield(ended)
    except asyncio.CancelledError:
        stay.stop()
        with contextlib.suppress(Exception):
            await ended
        raise
    finally:
        if ended.done():
            thread.join()  # It has nothing left to do but to return.


class _Stay:
    """The time a coroutine spends in the other loop. `stop` may come before, during and after it."""

    def __init__(self, start: Callable[[], Coroutine[Any, Any, None]], cancel_again_after: float) -> None:
        self._start = start
        self._cancel_again_after = cancel_again_after
        self._guard = threading.Lock()
        self._stopped = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop = asyncio.Event()

    def run(self) -> Exception | None:
        """In the thread: run to the end; the error it ended with, if any."""
        try:
            asyncio.run(self._main())
        except asyncio.CancelledError:
            return None
        except Exception as error:
            return error
        return None

    def stop(self) -> None:
        """From the home loop: cancel the coroutine."""
        with self._guard:
            self._stopped = True
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._stop.set)

    async def _main(self) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(_log_quietly)
        with self._guard:
            if self._stopped:
                return
            self._loop = loop
        task, stop = loop.create_task(self._start()), loop.create_task(self._stop.wait())
        try:
            await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
            while not task.done():
                task.cancel()
                await asyncio.wait({task}, timeout=self._cancel_again_after)
        finally:
            with self._guard:
                self._loop = None
        await task


def _settle(ended: asyncio.Future[None], error: Exception | None) -> None:
    if ended.done():
        return
    if error is None:
        ended.set_result(None)
    else:
        ended.set_exception(error)


def _log_quietly(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What a forgotten task failed with says nothing that the coroutine itself does not report."""
    logger.debug("a task left behind failed: %s", context.get("message"))
