"""Where a payload belongs: which activity of which run it asks, or answers."""

from dataclasses import dataclass
from typing import Final, NamedTuple, Self

from temporalio import activity
from temporalio.converter import ActivitySerializationContext

WORKFLOW: Final = "workflow"
"""In the place of a run's id: the workflow itself asks."""


@dataclass(frozen=True)
class RunActivity(ActivitySerializationContext):
    """An activity as its workflow sees it. ``run_ids``: of its run, and of the first before a reset."""

    run_ids: tuple[str, ...]


class Place(NamedTuple):
    """An activity of a run. ``sender`` is ``WORKFLOW``, or the run that is answered.

    It is empty where no run has to do with it, or the activity could not even begin.
    """

    workflow_id: str
    activity_type: str
    activity_id: str
    sender: str

    @classmethod
    def of(cls, context: ActivitySerializationContext) -> Self:
        """Where belongs what this process encrypts now."""
        own = context.workflow_id or "", context.activity_type or "", context.activity_id or ""
        if isinstance(context, RunActivity):
            return cls(*own, WORKFLOW)
        is_answered = bool(context.workflow_id) and activity.in_activity()
        return cls(*own, (activity.info().workflow_run_id or "") if is_answered else "")

    def is_at(self, context: ActivitySerializationContext) -> bool:
        """Whether it belongs there.

        A worker is not told the run before it has read what is asked: permits are looked at later. A client that awaits
        an activity of no workflow knows its id alone.
        """
        if isinstance(context, RunActivity) and self.sender not in (*context.run_ids, ""):
            return False
        known = (self.workflow_id, self.activity_id, self.activity_type if context.activity_type else "")
        return known == (context.workflow_id or "", context.activity_id, context.activity_type or "")

    def __str__(self) -> str:
        return f"{self.activity_type} {self.activity_id} of {self.workflow_id or 'no workflow'}, {self.sender or '-'}"
