"""How a rebalance waits: for the gateway, a turn, a market or a person, without counting it as work.

Every wait ends at ``max_wait`` with a failure that says what was waited for, and at once when the rebalance is stopped.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final, TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

from rebalancing import failures
from rebalancing.errors import GatewayRenewed, GatewaySettling, GatewayUnavailable
from rebalancing.outcomes import Phase
from workflows.operation_clock import GATEWAY_ALLOWANCE, OperationClock
from workflows.progress import Progress

T = TypeVar("T")

GATEWAY_AWAY: Final = frozenset({kind.__name__ for kind in (GatewayUnavailable, GatewayRenewed, GatewaySettling)})
"""Failures that mean "wait for the gateway", not "something is wrong"."""

AWAY_PAUSE: Final = timedelta(seconds=5)
"""Between two rounds of tries while the gateway is away; within a round Temporal backs off itself."""


class Patience:
    """The waits of one rebalance. ``stop`` ends them: whatever is awaited then is not followed by another step."""

    def __init__(self, account: str, max_wait: float, progress: Progress) -> None:
        self.clock = OperationClock()
        self._account = account
        self._max_wait = timedelta(seconds=max_wait)
        self._progress = progress
        self._stopping = False

    def stop(self) -> None:
        """Let no further step follow; only the clean-up may still use the gateway."""
        self._stopping = True

    async def step(self, call: Awaitable[T]) -> T:
        """One call that is work."""
        result = await call
        self.check()
        return result

    async def at_gateway(self, send: Callable[[], Awaitable[T]], allowance: timedelta | None = GATEWAY_ALLOWANCE) -> T:
        """One call to the gateway; while it is away, wait for it and call again.

        ``allowance`` ``None`` counts all of the call's time as work: it waits for fills, not for the slot.
        """
        deadline = workflow.now() + self._max_wait
        while True:
            try:
                result = await self._counted(send, allowance)
            except ActivityError as error:
                if not _is_gateway_away(error):
                    raise
                if workflow.now() > deadline:
                    raise self.too_long("the gateway") from error
            else:
                if self._progress.phase is not Phase.CLEANING_UP:
                    self.check()
                return result
            phase = self._progress.phase
            self._progress.enter(Phase.WAITING_FOR_GATEWAY, f"during {phase.value}")
            with self.clock.waiting():
                await asyncio.sleep(AWAY_PAUSE.total_seconds())
            self._progress.enter(phase)

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for something that is not work."""
        with self.clock.waiting():
            try:
                await workflow.wait_condition(lambda: condition() or self._stopping, timeout=self._max_wait)
            except TimeoutError:
                raise self.too_long(what) from None
        self.check()

    async def for_at_most(self, time: timedelta, unless: Callable[[], bool], what: str) -> None:
        """Wait until a time comes, or something else makes waiting pointless."""
        if time > self._max_wait:
            raise self.too_long(what)
        with self.clock.waiting():
            try:
                await workflow.wait_condition(
                    lambda: unless() or self._stopping, timeout=time, timeout_summary=f"waiting for {what}"
                )
            except TimeoutError:
                return
        self.check()

    def check(self) -> None:
        """A step that finished although the rebalance was being stopped must not be followed by another."""
        if self._stopping:
            raise asyncio.CancelledError

    def too_long(self, what: str) -> failures.WaitedTooLong:
        """The failure after a wait of ``max_wait``."""
        return failures.WaitedTooLong(
            self._account,
            f"{what} would be waited for longer than {self._max_wait.total_seconds():g} s, "
            "which is the limit (max_wait). Trigger the rebalance again when it can go on.",
        )

    async def _counted(self, send: Callable[[], Awaitable[T]], allowance: timedelta | None) -> T:
        if allowance is None:
            return await send()
        with self.clock.waiting(allowance):
            return await send()


def _is_gateway_away(error: ActivityError) -> bool:
    cause = error.cause
    return isinstance(cause, ApplicationError) and cause.type in GATEWAY_AWAY
