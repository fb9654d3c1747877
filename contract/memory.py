"""What a run of the workflow remembers in its memo, from which the next one learns (promise P2).

A run that is terminated leaves no result, so it writes down what it takes on when it begins, and all that the account
remembers when it ends.
"""

from typing import NamedTuple

from temporalio.client import WorkflowExecution

from contract.names import BEGUN_MEMO, EVENTS_MEMO, TARGETS_MEMO
from rebalancing.base import Weight
from rebalancing.triggers import EventRing


class Memory(NamedTuple):
    """One run's memo. ``events`` is ``None`` for a run that has not come to its end, ``begun`` for one that has."""

    events: EventRing | None
    begun: EventRing | None
    last_targets: dict[str, Weight] | None

    @property
    def all_events(self) -> EventRing:
        """Everything that this run alone can tell."""
        return (self.events or EventRing()).followed_by(self.begun or EventRing())


async def memory_of(run: WorkflowExecution) -> Memory:
    """Read a run's memo."""
    return Memory(
        events=await run.memo_value(EVENTS_MEMO, default=None, type_hint=EventRing),
        begun=await run.memo_value(BEGUN_MEMO, default=None, type_hint=EventRing),
        last_targets=await run.memo_value(TARGETS_MEMO, default=None, type_hint=dict[str, Weight]),
    )
