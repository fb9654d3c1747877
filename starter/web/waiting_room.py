"""Callers who wait for something to end: how many may, for how long, and what if they leave."""

import asyncio
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, Final, TypeVar

from fastapi import Request

from starter.web.problems import RETRY_AFTER, Refusal

T = TypeVar("T")

REQUESTS_WAIT: Final = "requests wait already (concurrency.max_concurrent_requests); nothing was done."


class GoesOn(Exception):
    """What was waited for is not over yet; it goes on without whoever waited."""


class WaitingRoom:
    """Has ``places`` for callers who wait at once, as many as that says at the time; ``full`` is said of them then."""

    def __init__(self, places: Callable[[], int], full: str = REQUESTS_WAIT) -> None:
        self._places = places
        self._full = full
        self._taken = 0

    @contextmanager
    def place(self) -> Generator[None]:
        """A place for the time of a block. Raises ``Refusal`` if none is free; then nothing was asked for yet."""
        if self._taken >= self._places():
            words = f"{self._taken} {self._full}"
            raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, words, {"Retry-After": str(RETRY_AFTER)})
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1


async def wait_for(request: Request, work: Coroutine[Any, Any, T], longest: float) -> T:
    """The result of ``work``, which only looks on and may be stopped.

    Raises:
        GoesOn: it took longer than ``longest`` seconds, or the caller left.
    """
    looking = asyncio.create_task(work)
    leaving = asyncio.create_task(_left(request))
    try:
        await asyncio.wait({looking, leaving}, timeout=longest, return_when=asyncio.FIRST_COMPLETED)
        if looking.done():
            return looking.result()
        raise GoesOn
    finally:
        looking.cancel()
        leaving.cancel()


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
