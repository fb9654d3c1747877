"""Triggers: what asks for a rebalance, and what is remembered of it (promises P2 and P6)."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Self

from pydantic import Field, field_validator

from rebalancing.base import FrozenModel, Instant

REMEMBERED_EVENTS = 100
"""How many events an account remembers: more than any publisher sends while Ably still has them in its history."""


OPERATOR_SOURCE = "cli"
"""The source of what a person asks for at the command line; it goes before events."""


class ExecutionMode(StrEnum):
    """Whether a rebalance trades."""

    REBALANCE = "rebalance"
    DRY_RUN = "dry_run"

    @classmethod
    def of(cls, value: object) -> "ExecutionMode":
        """Only an exact ``"rebalance"`` trades; everything else is a dry run (promise P6)."""
        return cls.REBALANCE if value == cls.REBALANCE else cls.DRY_RUN


class Trigger(FrozenModel):
    """One request to rebalance one account.

    ``event_id`` identifies the event that asked for it: the same id never rebalances the account twice.
    ``requested_at`` is when the event was published (Ably's time stamp) or the command was given.
    """

    account: str = Field(min_length=1)
    event_id: str = Field(min_length=1, max_length=200)
    mode: ExecutionMode = ExecutionMode.DRY_RUN
    source: str = "temporal"
    requested_at: Instant

    @field_validator("mode", mode="before")
    @classmethod
    def _only_exact(cls, value: object) -> ExecutionMode:
        return ExecutionMode.of(value)


class EventStatus(StrEnum):
    """How far an event has come."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    INCOMPLETE = "incomplete"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_carried_out(self) -> bool:
        """Whether a rebalance went through to its end for it, whatever the market and the broker let it do."""
        return self in (EventStatus.COMPLETED, EventStatus.INCOMPLETE)


class EventRecord(FrozenModel):
    """What an account remembers of one event."""

    event_id: str
    mode: ExecutionMode
    requested_at: Instant
    status: EventStatus
    summary: str = ""


class EventRing(FrozenModel):
    """The last events of an account, oldest first. An event older than a full ring's oldest is taken as known."""

    records: tuple[EventRecord, ...] = ()

    def knows(self, trigger: Trigger) -> bool:
        """Whether this event was taken on before, or is too old to tell."""
        if any(record.event_id == trigger.event_id for record in self.records):
            return True
        full = len(self.records) >= REMEMBERED_EVENTS
        return full and trigger.requested_at <= min(record.requested_at for record in self.records)

    def find(self, event_id: str) -> EventRecord | None:
        """The record of this event, if it is remembered."""
        return next((record for record in self.records if record.event_id == event_id), None)

    def noting(self, triggers: Iterable[Trigger], status: EventStatus, summary: str = "") -> Self:
        """This ring with the given events added, or moved to a new status."""
        changed = {
            trigger.event_id: EventRecord(
                event_id=trigger.event_id,
                mode=trigger.mode,
                requested_at=trigger.requested_at,
                status=status,
                summary=summary,
            )
            for trigger in triggers
        }
        kept = [changed.pop(record.event_id, record) for record in self.records]
        merged = sorted([*kept, *changed.values()], key=lambda record: record.requested_at)
        return self.model_copy(update={"records": tuple(merged[-REMEMBERED_EVENTS:])})


def next_round(pending: tuple[Trigger, ...]) -> tuple[Trigger, ...]:
    """The triggers that one rebalance can serve together: all live ones first, else all dry runs.

    Events are coalesced only with their own kind, so a live request is never weakened to a dry run, nor the reverse.
    """
    live = tuple(trigger for trigger in pending if trigger.mode is ExecutionMode.REBALANCE)
    return live or pending
