"""The turn of a rebalance, where only so many may run at once (``max_concurrent_rebalances``).

It is a slot of the worker for turns, held by an activity and given back by cancelling that. While a rebalance waits for
a market or a person it does nothing that the limit is for, so it lets others go on.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from temporalio import workflow

from contract.requests import TurnRequest
from rebalancing.outcomes import Phase
from rebalancing.settings import Settings
from workflows import local_calls
from workflows.run_state import RunState
from workflows.waits import Waits


class Turn:
    """One rebalance's turn; without a limit it is always its turn."""

    def __init__(self, settings: Settings, state: RunState, waits: Waits) -> None:
        self._settings = settings
        self._state = state
        self._waits = waits
        self._is_limited = settings.concurrency.max_concurrent_rebalances is not None
        self._has_come = False
        self._held: workflow.ActivityHandle[None] | None = None

    def has_come(self) -> None:
        """The worker says that the turn has come."""
        self._has_come = True

    async def take(self) -> None:
        """Wait until the turn has come."""
        if not self._is_limited:
            return
        self._has_come = False
        info = workflow.info()
        self._state.enter(Phase.WAITING_FOR_TURN)
        self._held = local_calls.hold_turn(
            self._settings, TurnRequest(workflow_id=info.workflow_id, run_id=info.run_id)
        )
        await self._waits.until(lambda: self._has_come, "its turn (max_concurrent_rebalances)")

    def give_back(self) -> None:
        """Let the next one go on."""
        # A worker that throws a workflow out of its memory closes its coroutines outside of it: nothing ended then.
        if self._held is not None and workflow.in_workflow():
            self._held.add_done_callback(_expected)
            self._held.cancel()
            self._held = None

    @asynccontextmanager
    async def given_back(self) -> AsyncGenerator[None]:
        """Let others go on during the block, which only waits; afterwards wait for the next turn."""
        self.give_back()
        yield
        await self.take()


def _expected(held: asyncio.Task[None]) -> None:
    """That it was cancelled is how a turn is given back, and no error that somebody must have missed."""
    if not held.cancelled():
        held.exception()
