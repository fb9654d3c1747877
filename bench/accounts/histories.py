"""What the histories of the rebalances tell: their size, their times, and the visits to the gateway's slot."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowHistory

from contract.names import GATEWAY_QUEUE, workflow_id


@dataclass(frozen=True)
class Visit:
    """One activity on a queue of the gateway: what, and from when to when it held a slot."""

    activity: str
    queue: str
    scheduled: datetime
    started: datetime
    completed: datetime

    @property
    def seconds(self) -> float:
        """How long it held the slot."""
        return (self.completed - self.started).total_seconds()


@dataclass(frozen=True)
class RunHistory:
    """One finished run: when, how it ended, its activities, and its size in events and bytes."""

    account: str
    closed_at: datetime
    completed: bool
    events: int
    size: int
    kinds: Counter[str]
    visits: tuple[Visit, ...] = field(default=())

    @property
    def slot_visits(self) -> tuple[Visit, ...]:
        """The activities that held the slot of a gateway."""
        return tuple(visit for visit in self.visits if _has_one_slot(visit.queue))


async def read_histories(client: Client, accounts: Iterable[str]) -> tuple[RunHistory, ...]:
    """The latest run of each account, which must have closed."""
    gate = asyncio.Semaphore(8)

    async def one(account: str) -> RunHistory:
        async with gate:
            handle = client.get_workflow_handle(workflow_id(account))
            return run_history(account, await handle.fetch_history())

    return tuple(await asyncio.gather(*(one(account) for account in accounts)))


def run_history(account: str, history: WorkflowHistory) -> RunHistory:
    """What one history tells."""
    events = history.events
    last = events[-1]
    return RunHistory(
        account=account,
        closed_at=_at(last.event_time),
        completed=last.HasField("workflow_execution_completed_event_attributes"),
        events=len(events),
        size=sum(event.ByteSize() for event in events),
        kinds=Counter(str(event.WhichOneof("attributes")).removesuffix("_event_attributes") for event in events),
        visits=tuple(_visits(events)),
    )


def _has_one_slot(queue: str) -> bool:
    return queue.startswith(GATEWAY_QUEUE) and not queue.endswith("fills")


def _visits(events: Sequence[HistoryEvent]) -> list[Visit]:
    by_id = {event.event_id: event for event in events}
    visits: list[Visit] = []
    for event in events:
        if not event.HasField("activity_task_completed_event_attributes"):
            continue
        done = event.activity_task_completed_event_attributes
        scheduled, started = by_id[done.scheduled_event_id], by_id[done.started_event_id]
        asked = scheduled.activity_task_scheduled_event_attributes
        visits.append(
            Visit(
                activity=asked.activity_type.name,
                queue=asked.task_queue.name,
                scheduled=_at(scheduled.event_time),
                started=_at(started.event_time),
                completed=_at(event.event_time),
            )
        )
    return visits


def _at(time: Timestamp) -> datetime:
    return time.ToDatetime(tzinfo=UTC)
