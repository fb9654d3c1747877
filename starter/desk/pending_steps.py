"""What a running rebalance waits for at this moment, by the server's own word: no worker has to answer."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.failure.v1 import Failure
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.client import Client, WorkflowExecutionDescription
from temporalio.converter import DataConverter

from contract.names import TURNS_QUEUE
from starter.desk.failure_words import words_of

LONGEST_FAILURE: Final = 300
"""Characters of an error that are told."""

_UNORDERED: Final = 3
"""The priority of what names none, as Temporal has it."""


@dataclass(frozen=True)
class PendingStep:
    """One activity that has no result yet: on which queue, since when, the how many-th attempt, and the last error.

    ``is_queued``: nobody has begun with it; ``priority`` then says who goes first, a lower number before a higher one.
    """

    activity: str
    queue: str
    since: datetime
    attempt: int
    is_queued: bool
    priority: int
    failure: str = ""
    next_attempt_at: datetime | None = None

    @property
    def is_retrying(self) -> bool:
        """Whether it failed before and is tried again."""
        return self.attempt > 1 or bool(self.failure)

    def __str__(self) -> str:
        since = f"since {self.since:%Y-%m-%d %H:%M:%S} UTC"
        if self.is_retrying:
            return f"{self.activity}: attempt {self.attempt} {since}; last error: {self.failure or 'not told'}"
        return f"{self.activity}: {'queued' if self.is_queued else 'at work'} {since}"

    def as_json(self) -> Mapping[str, object]:
        """For programs; times in ISO 8601."""
        return {
            "activity": self.activity,
            "queue": self.queue,
            "since": self.since.isoformat(),
            "attempt": self.attempt,
            "queued": self.is_queued,
            "failure": self.failure,
            "next_attempt_at": self.next_attempt_at.isoformat() if self.next_attempt_at else None,
        }


async def pending_steps(client: Client, description: WorkflowExecutionDescription) -> tuple[PendingStep, ...]:
    """The steps that a run waits for, the longest first."""
    steps = [await _step(client.data_converter, each) for each in description.raw_description.pending_activities]
    return tuple(sorted(steps, key=lambda step: step.since))


def positions(steps: Mapping[str, Iterable[PendingStep]]) -> Mapping[str, int]:
    """The place of each account in the queue it waits in, 1 for the next; ``steps`` are those of all accounts.

    It is as exact as the queue: accounts that begin take turns there, which may change places.
    """
    queued = [
        (step, account)
        for account, own in steps.items()
        for step in own
        if step.is_queued and (not step.is_retrying or step.queue == TURNS_QUEUE)
    ]
    places: dict[str, int] = {}
    waiting: dict[str, int] = {}
    for step, account in sorted(queued, key=lambda each: (each[0].priority, each[0].since)):
        waiting[step.queue] = waiting.get(step.queue, 0) + 1
        places.setdefault(account, waiting[step.queue])
    return places


async def _step(converter: DataConverter, info: PendingActivityInfo) -> PendingStep:
    return PendingStep(
        activity=info.activity_type.name,
        queue=info.activity_options.task_queue.name,
        since=info.scheduled_time.ToDatetime(tzinfo=UTC),
        attempt=info.attempt,
        is_queued=info.state == PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED,
        priority=info.priority.priority_key or _UNORDERED,
        failure=await _words(converter, info.last_failure) if info.HasField("last_failure") else "",
        next_attempt_at=(
            info.next_attempt_schedule_time.ToDatetime(tzinfo=UTC)
            if info.HasField("next_attempt_schedule_time")
            else None
        ),
    )


async def _words(converter: DataConverter, failure: Failure) -> str:
    """The error in words. One that is too long for the server is the cause of what it says in its place."""
    if failure.HasField("server_failure_info") and failure.HasField("cause"):
        failure = failure.cause
    kind = failure.application_failure_info.type
    words = await words_of(converter, failure)
    return (f"{kind}: {words}" if kind else words)[:LONGEST_FAILURE]
