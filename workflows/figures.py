"""Has an account read again until it comes to what the broker says it is worth, or stops the run before any trade."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final, TypeVar

from temporalio import workflow

from rebalancing import failures
from rebalancing.figure_checks import clock_problem, figures_problem
from rebalancing.market.snapshot import AccountSnapshot
from rebalancing.settings import Settings
from workflows.run_state import RunState
from workflows.waits import Waits

T = TypeVar("T")

NOTES: Final = "figures"
"""Whose notes of a reading these are."""

PAUSE: Final = timedelta(seconds=5)
"""Between two looks at figures that do not agree: they are refreshed when a position changes or every three minutes."""


class FiguresWatch:
    """The figures of one rebalance; notes of the reading say what the last ones fell short in."""

    def __init__(self, account: str, settings: Settings, state: RunState, waits: Waits) -> None:
        self._account = account
        self._settings = settings
        self._state = state
        self._waits = waits

    async def believable(
        self,
        read: Callable[[], Awaitable[T]],
        account_of: Callable[[T], AccountSnapshot],
        *,
        trading: bool,
    ) -> T:
        """Read until the figures agree, for as long as they may lag (``figures_lag``).

        Who does not trade notes what is wrong, and waits only for what is not told at all. Raises ``FiguresDisagree``,
        or ``ClockAstray`` at once.
        """
        give_up_at = workflow.now() + timedelta(seconds=self._settings.figures_lag)
        while True:
            found = await read()
            snapshot = account_of(found)
            clock = clock_problem(snapshot, self._settings.clock_tolerance)
            figures = figures_problem(snapshot, self._settings.figures) if snapshot.cash_is_settled else ""
            may_come = workflow.now() < give_up_at
            if not trading and not (snapshot.figures.untold and may_come):
                self._state.reading_notes[NOTES] = [
                    f"a run that trades would stop: {problem}" for problem in (clock, figures) if problem
                ]
                return found
            if trading and clock:
                raise failures.ClockAstray(self._account, f"{clock}.")
            if not figures:
                return found
            if not may_come:
                remedy = "Look at the account in TWS, and trigger again when its figures are right"
                raise failures.FiguresDisagree(self._account, f"{figures}. {remedy}.")
            self._state.enter(self._state.phase, f"until the broker's figures agree: {figures}")
            await self._waits.for_at_most(PAUSE, lambda: False, "the broker's figures to agree")
