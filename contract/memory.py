"""What a run of the workflow remembers in its memo, from which the next one learns (promise P2).

A run that is terminated leaves no result, so it writes down what it takes on when it begins, and all that the account
remembers when it ends.
"""

from typing import Any, NamedTuple, cast

from temporalio.client import WorkflowExecution

from contract.names import BEGUN_MEMO, EVENTS_MEMO, PROOF_MEMO, TARGETS_MEMO
from rebalancing.base import Weight
from rebalancing.triggers import EventRing


class Memory(NamedTuple):
    """One run's memo. ``events`` is ``None`` for a run that has not come to its end, ``begun`` for one that has.

    ``proof`` shows that ``events`` were written down by a run of ours (promise P10).
    """

    events: EventRing | None
    begun: EventRing | None
    last_targets: dict[str, Weight] | None
    proof: str = ""

    @property
    def all_events(self) -> EventRing:
        """Everything that this run alone can tell."""
        return (self.events or EventRing()).followed_by(self.begun or EventRing())


async def newest_event_of(run: WorkflowExecution) -> EventRing:
    """The newest event in a run's memo and nothing else: reading the whole rings of hundreds of runs takes a second.

    Raises ``ValueError`` for a memo that is not ours.
    """
    for name in (BEGUN_MEMO, EVENTS_MEMO):
        told = await run.memo_value(name, default=None)
        records = cast("dict[str, object]", told).get("records") if isinstance(told, dict) else None
        if isinstance(records, list) and records:
            return EventRing(records=tuple(cast("list[Any]", records)[-1:]))
    return EventRing()


async def memory_of(run: WorkflowExecution) -> Memory:
    """Read a run's memo."""
    return Memory(
        events=await run.memo_value(EVENTS_MEMO, default=None, type_hint=EventRing),
        begun=await run.memo_value(BEGUN_MEMO, default=None, type_hint=EventRing),
        last_targets=await run.memo_value(TARGETS_MEMO, default=None, type_hint=dict[str, Weight]),
        proof=str(await run.memo_value(PROOF_MEMO, default="")),
    )
