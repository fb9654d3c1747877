"""What becomes of a request that is about to be made: known already, queued behind a run, or the next thing done."""

from dataclasses import dataclass
from enum import StrEnum

from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError

from contract.memory import memory_of
from rebalancing.triggers import EventRecord, Trigger
from starter.desk.latest_run import handle_of, query_status
from starter.desk.temporal_errors import is_unknown


class Place(StrEnum):
    """Where a request comes to stand."""

    NEXT = "next"
    KNOWN = "known"
    QUEUED = "queued"


@dataclass(frozen=True)
class Standing:
    """Where a request stands. ``record`` is what is known of its event id, ``run_id`` and ``phase`` are what it is
    queued behind."""

    place: Place
    record: EventRecord | None = None
    run_id: str = ""
    phase: str = ""

    def __str__(self) -> str:
        if self.place is Place.KNOWN:
            became = f"{self.record.status.value} ({self.record.mode.value})" if self.record else "older than any kept"
            return f"this event id is known already, {became}: nothing is done again"
        if self.place is Place.QUEUED:
            return f"queued behind run {self.run_id[:8]}, which is {self.phase}"
        return "the account is free: it begins at once"


async def standing_of(client: Client, trigger: Trigger) -> Standing:
    """Where this request stands, or would. It may change until it is delivered. Raises ``RPCError``."""
    handle = handle_of(client, trigger.account)
    try:
        description = await handle.describe()
    except RPCError as error:
        if is_unknown(error):
            return Standing(Place.NEXT)
        raise
    is_running = description.status is WorkflowExecutionStatus.RUNNING
    status = await query_status(handle) if is_running else None
    events = status.events if status else (await memory_of(description)).all_events
    if events.knows(trigger):
        return Standing(Place.KNOWN, events.find(trigger.event_id, trigger.mode))
    if not is_running:
        return Standing(Place.NEXT)
    return Standing(
        Place.QUEUED, run_id=description.run_id, phase=status.phase.value if status else "at work; no worker answers"
    )
