"""Waits while trading is held: halted, or paused for the account or its strategy. Reads and cancels go on meanwhile.

A worker tells those who wait when that is over (``worker.halts_watch``); they ask the server again.
"""

from collections.abc import Callable
from typing import Final

from temporalio import workflow

from rebalancing.outcomes import Phase
from workflows import local_calls
from workflows.legs import Traded
from workflows.run_state import RunState
from workflows.turn import Turn
from workflows.waits import Waits

LEFT_BY_A_HALT: Final = "left-by-a-halt"
"""What runs of before this step did not ask: whether something is left to do because trading is held."""


class HaltWait:
    """The waiting of one rebalance."""

    def __init__(self, account: str, state: RunState, waits: Waits, turn: Turn) -> None:
        self._account = account
        self._state = state
        self._waits = waits
        self._turn = turn
        self._is_to_look_again = False

    def look_again(self) -> None:
        """Somebody says that nothing holds trading any more."""
        self._is_to_look_again = True

    async def held_back(self, traded: Traded, newer_event: Callable[[], bool]) -> bool:
        """Wait while trading is held, if that left something to do: withdrawn, or cancelled at the broker meanwhile."""
        is_left = bool(traded.withdrawn) or traded.was_cut_short
        return is_left and workflow.patched(LEFT_BY_A_HALT) and await self.until_over(newer_event)

    async def until_over(self, newer_event: Callable[[], bool], known: str = "") -> bool:
        """Return once nothing holds trading; whether anything did. ``known`` is what held it a moment ago.

        Everything is read anew afterwards: so before the first order a newer event joins in.
        """
        held_by = known or await self._state.step(local_calls.held_by(self._account))
        if not held_by:
            return False
        async with self._turn.given_back():
            while held_by:
                self._state.enter(Phase.HALTED, held_by)
                self._is_to_look_again = False
                held_by = await self._state.step(local_calls.held_by(self._account))
                if held_by:
                    await self._waits.until(lambda: self._is_to_look_again, f"the end of a halt ({held_by})")
        if not self._state.orders.reports:
            newer_event()
        return True
