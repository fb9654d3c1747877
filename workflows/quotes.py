"""Has quotes read again until they can be traded by, or stops the run before a wrong price makes a wrong order."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

from temporalio import workflow

from rebalancing.accounts import Account
from rebalancing.failures import AccountFailure, QuoteMissing
from rebalancing.market.quote_checks import QuoteProblem, quote_problems
from rebalancing.market.snapshot import AccountSnapshot
from rebalancing.settings import QuoteSettings
from workflows.market_hours import closed_now
from workflows.run_state import RunState
from workflows.waits import Waits

NOTES: Final = "quotes"
"""Whose notes of a reading these are."""

PAUSE: Final = timedelta(seconds=2)
"""Between two looks at quotes nobody should trade by: at the opening of a market they come within seconds."""

NAMED: Final = 8
"""How many bad quotes a message names."""


class QuoteWatch:
    """The quotes of one rebalance; notes of the reading say what the last ones fell short in."""

    def __init__(self, account: Account, settings: QuoteSettings, state: RunState, waits: Waits) -> None:
        self._account = account
        self._settings = settings
        self._state = state
        self._waits = waits

    async def usable(
        self,
        read: Callable[[], Awaitable[AccountSnapshot]],
        *,
        trading: bool,
    ) -> AccountSnapshot:
        """Read until the quotes can be traded by; what does not trade at this moment has the price of its last close.

        Who does not trade needs a price for everything, and notes the rest. Raises the first problem's failure once the
        quotes were bad for as long as the settings allow.
        """
        give_up_at = workflow.now() + timedelta(seconds=self._settings.patience)
        while True:
            snapshot = await read()
            problems = self._problems(snapshot)
            blocking = [p for p in problems if trading or p.failure is QuoteMissing]
            if not blocking:
                self._state.reading_notes[NOTES] = [f"a run that trades would stop: {problem}" for problem in problems]
                return snapshot.closed_at(self._closed(snapshot))
            if workflow.now() >= give_up_at or not all(problem.may_pass for problem in blocking):
                raise self._failure(blocking)
            phase = self._state.phase
            self._state.enter(phase, f"until the quotes can be traded by: {_listed(blocking)}")
            await self._waits.for_at_most(PAUSE, lambda: False, "usable quotes")

    def _problems(self, snapshot: AccountSnapshot) -> tuple[QuoteProblem, ...]:
        """Judged by the time of the reading: workflow time may be virtual, or late."""
        return quote_problems(
            snapshot.quotes.values(),
            snapshot.taken_at,
            self._settings,
            self._account.least_quotes,
            frozenset(self._closed(snapshot)),
        )

    def _closed(self, snapshot: AccountSnapshot) -> tuple[str, ...]:
        return closed_now(self._account, snapshot.contracts.values())

    def _failure(self, problems: list[QuoteProblem]) -> AccountFailure:
        return problems[0].failure(self._account.account_id, f"{_listed(problems)}.")


def _listed(problems: list[QuoteProblem]) -> str:
    more = f"; and {len(problems) - NAMED} more" if len(problems) > NAMED else ""
    return "; ".join(str(problem) for problem in problems[:NAMED]) + more
