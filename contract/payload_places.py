"""Where a payload belongs: which activity of a workflow it asks, or which run it answers."""

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
    """An activity of a workflow. ``sender`` is ``WORKFLOW``, or the run that is answered.

    It is empty where the activity could not even begin.
    """

    workflow_id: str
    activity_type: str
    activity_id: str
    sender: str

    @classmethod
    def of(cls, context: ActivitySerializationContext) -> Self:
        """Where belongs what this process encrypts now."""
        run_id = activity.info().workflow_run_id or "" if activity.in_activity() else ""
        return cls(*_names(context), WORKFLOW if isinstance(context, RunActivity) else run_id)

    def is_at(self, context: ActivitySerializationContext) -> bool:
        """Whether it belongs there.

        A worker reads what is asked before it is told the run; but permits are of runs.
        """
        if isinstance(context, RunActivity) and self.sender not in (*context.run_ids, ""):
            return False
        return self[:3] == _names(context)

    def __str__(self) -> str:
        return f"{self.activity_type} {self.activity_id} of {self.workflow_id}, {self.sender or '-'}"


def _names(context: ActivitySerializationContext) -> tuple[str, str, str]:
    return context.workflow_id or "", context.activity_type or "", context.activity_id or ""
