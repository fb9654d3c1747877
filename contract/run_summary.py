"""What a run tells of itself in a few words when it closes: the memo that ``history`` and ``status`` are read from.

The server lists memos, so that nobody has to be asked about a run that is over, and no worker has to be up. A memo is
kept for weeks with every run: it is short, and all the rest is in the run's result.
"""

from decimal import Decimal
from typing import Final

from temporalio.client import WorkflowExecution

from contract.names import SUMMARY_MEMO
from rebalancing.base import FrozenModel, Instant, Money
from rebalancing.errors import with_command
from rebalancing.outcomes import Phase
from rebalancing.triggers import ExecutionMode

LONGEST_REASON: Final = 200
"""Characters of the reason that a summary holds."""

MOST_EVENTS: Final = 5
"""So many event ids are named; the others are counted."""


class OperatorAct(FrozenModel):
    """What a person told a run: an approval, a rejection or a resolution. ``by`` is empty where nobody said who."""

    at: Instant
    act: str
    by: str = ""


class RunSummary(FrozenModel):
    """One run that is over. Drift in percent, money in US dollars; figures that are not known are ``None``.

    ``sources`` and ``by`` say what triggered it and who asked, ``events`` how many events it served. Of a dry run,
    ``drift_after``, ``orders`` and ``traded`` are what it would come to. ``traded`` is the value of all fills.
    ``failure`` is the type of the error it failed with; ``reason`` the first words of why it failed or is incomplete.
    """

    phase: Phase
    mode: ExecutionMode
    sources: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    event_ids: tuple[str, ...] = ()
    events: int = 0
    drift_before: Decimal | None = None
    drift_after: Decimal | None = None
    orders: int = 0
    traded: Money = Decimal(0)
    slippage: Money | None = None
    slippage_bp: Decimal | None = None
    commissions: Money = Decimal(0)
    started_at: Instant
    finished_at: Instant
    failure: str = ""
    reason: str = ""
    acts: tuple[OperatorAct, ...] = ()

    @property
    def why(self) -> str:
        """The reason, and after a failure the command that explains its type."""
        return with_command(self.reason, self.failure)


async def summary_in(run: WorkflowExecution) -> RunSummary | None:
    """The summary in a run's memo; ``None`` for one that is not over, was cut short, or is older than summaries."""
    return await run.memo_value(SUMMARY_MEMO, default=None, type_hint=RunSummary)
