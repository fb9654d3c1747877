"""The waits of a rebalance that are not work: for a turn, a market, a person, the gateway, figures that come late.

Each ends at ``max_wait`` with a failure that says what was waited for, and at once when the rebalance is stopped.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final

from temporalio import workflow

from contract.summaries import summary
from rebalancing.failures import WaitedTooLong
from workflows.run_state import RunState

SHORTEST: Final = timedelta(milliseconds=1)
"""Of a timer: without one nothing would be waited for, and histories have one there."""


async def done_within(task: asyncio.Task[Any], time: timedelta, told: str) -> None:
    """Wait until the task is done, or this time is over. ``told`` is what the timer is called in Temporal's UI."""
    with suppress(TimeoutError):
        await workflow.wait_condition(task.done, timeout=max(time, SHORTEST), timeout_summary=told)


async def asleep(time: timedelta, told: str) -> None:
    """Sleep by Temporal's timer; none is started for no time."""
    if time > timedelta():
        await workflow.sleep(time, summary=told)


class Waits:
    """Waits for one account; none of them is counted as work."""

    def __init__(self, account: str, max_wait: float, state: RunState) -> None:
        self.longest = timedelta(seconds=max_wait)
        self._account = account
        self._state = state

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for something."""
        with self._state.clock.waiting():
            try:
                await workflow.wait_condition(
                    lambda: condition() or self._state.is_stopping,
                    timeout=self.longest,
                    timeout_summary=summary(f"wait for {what}", "at most max_wait"),
                )
            except TimeoutError:
                raise self.too_long(what) from None
        self._state.check()

    async def for_at_most(self, time: timedelta, unless: Callable[[], bool], what: str) -> None:
        """Wait until a time comes, or something else makes waiting pointless."""
        if time > self.longest:
            raise self.too_long(what)
        with self._state.clock.waiting():
            try:
                await workflow.wait_condition(
                    lambda: unless() or self._state.is_stopping,
                    timeout=time,
                    timeout_summary=summary(f"wait for {what}"),
                )
            except TimeoutError:
                return
        self._state.check()

    def too_long(self, what: str) -> WaitedTooLong:
        """The failure after a wait of ``max_wait``."""
        return WaitedTooLong(
            self._account,
            f"{what} would be waited for longer than {self.longest.total_seconds():g} s, which is the limit (max_wait)."
            " Trigger the rebalance again when it can go on.",
        )
