"""Triggers: what asks for a rebalance, and what is remembered of it (promises P2 and P6)."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final, Self, cast

from pydantic import Field, field_serializer, field_validator

from rebalancing.base import FrozenModel, Instant

REMEMBERED_EVENTS = 100
"""How many live events an account remembers: more than any publisher sends while Ably still has them in its history."""

REMEMBERED_DRY_RUNS = 20
"""And how many dry runs: one that is asked for again does no harm."""

ENDED_EARLY = "its run ended before it was finished"
"""What became of events whose run was terminated."""

OPERATOR_SOURCE = "cli"
"""The source of what a person asks for at the command line; it goes before events."""

HTTP_SOURCE = "http"
"""The source of what is asked for through the HTTP API."""


LONGEST_NAME: Final = 200
"""Characters of who asked."""

LONGEST_KEY_ID, LONGEST_SEAL = 40, 64
"""Characters of a key's id and of a seal (``rebalancing.seals``)."""


def signed(by: str, key_id: str) -> str:
    """A person and the key that sealed what they said, as in ``ann@desk (key ann)``."""
    if not key_id:
        return by
    return f"{by} (key {key_id})" if by else f"key {key_id}"


class ExecutionMode(StrEnum):
    """Whether a rebalance trades."""

    REBALANCE = "rebalance"
    DRY_RUN = "dry_run"

    @classmethod
    def of(cls, value: object) -> "ExecutionMode":
        """Only an exact ``"rebalance"`` trades; everything else is a dry run (promise P6)."""
        return cls.REBALANCE if value == cls.REBALANCE else cls.DRY_RUN

    @property
    def word(self) -> str:
        """Whether it trades, so that nobody can overlook it."""
        return "LIVE" if self is ExecutionMode.REBALANCE else "DRY RUN"


class Trigger(FrozenModel):
    """One request to rebalance one account.

    ``event_id`` identifies the event that asked for it: the same id never rebalances the account twice. A dry run does
    not use it up for a live one.
    ``requested_at`` is when the event was published (Ably's time stamp) or the command was given. ``by`` is who asked,
    where a person did and said so. ``seal`` shows that who asks holds the key ``key_id`` (promise P10).
    """

    account: str = Field(min_length=1)
    event_id: str = Field(min_length=1, max_length=200)
    mode: ExecutionMode = ExecutionMode.DRY_RUN
    source: str = "temporal"
    requested_at: Instant
    by: str = Field(default="", max_length=LONGEST_NAME)
    key_id: str = Field(default="", max_length=LONGEST_KEY_ID)
    seal: str = Field(default="", max_length=LONGEST_SEAL)

    @field_validator("mode", mode="before")
    @classmethod
    def _only_exact(cls, value: object) -> ExecutionMode:
        return ExecutionMode.of(value)

    @classmethod
    def from_signal(cls, payload: object, account: str, sent_at: datetime) -> Self:
        """The trigger in a signal's payload. What people may leave out is the account it was sent to, and when.

        Raises:
            ValidationError: it is none.
        """
        if not isinstance(payload, Mapping):
            return cls.model_validate(payload)
        given = cast("Mapping[str, object]", payload)
        return cls.model_validate({"account": account, "requested_at": sent_at, **given})

    @property
    def is_of_a_person(self) -> bool:
        """Whether somebody asked for it who may be waiting, and no publisher or clock."""
        return self.source in (OPERATOR_SOURCE, HTTP_SOURCE)

    @property
    def signed_by(self) -> str:
        """Who asked, and whose key it was; empty where nobody said either."""
        return signed(self.by, self.key_id if self.is_live else "")

    @property
    def origin(self) -> str:
        """Who or what asked, for people: ``event e5``, or ``ann (cli)`` where the id was made up for the request."""
        event = f"event {self.event_id}"
        if not self.is_of_a_person:
            return event
        who = f"{self.by or 'somebody'} ({self.source})"
        return who if self.event_id.startswith(f"{self.source}-") else f"{who}, {event}"

    @property
    def is_live(self) -> bool:
        """Whether it asks for trades."""
        return self.mode is ExecutionMode.REBALANCE

    @property
    def as_dry_run(self) -> Self:
        """The same, which trades nothing and needs no seal."""
        return self.model_copy(update={"mode": ExecutionMode.DRY_RUN, "key_id": "", "seal": ""})

    def no_later_than(self, now: datetime) -> Self:
        """The same, asked for by now: what comes from the future would never grow old."""
        return self.model_copy(update={"requested_at": now}) if self.requested_at > now else self

    def covers(self, other: "Trigger") -> bool:
        """Whether carrying this out leaves nothing to do for the other."""
        return _covers(self, other)

    def is_too_old(self, now: datetime, maximum_age: timedelta) -> bool:
        """Whether it is not traded by any more. A dry run trades nothing, and is as good as ever."""
        return self.mode is ExecutionMode.REBALANCE and now - self.requested_at > maximum_age

    def why_not_traded(self, now: datetime, maximum_age: timedelta | None, restored_at: datetime | None) -> str:
        """Why it is not traded by any more, in words; empty where it is.

        ``maximum_age`` is ``None`` while it is not known: then nothing is said. ``restored_at`` is when the history was
        put back: of what was asked for before, nobody can tell whether it was carried out.
        """
        if maximum_age is None:
            return ""
        if self.is_too_old(now, maximum_age):
            return f"asked for {now - self.requested_at} ago, older than events.maximum_age ({maximum_age})"
        if restored_at is not None and self.mode is ExecutionMode.REBALANCE and self.requested_at < restored_at:
            return f"asked for before the history was put back ({restored_at:%Y-%m-%d %H:%M:%S} UTC)"
        return ""


class EventStatus(StrEnum):
    """How far an event has come."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    INCOMPLETE = "incomplete"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    """Too old to be traded by when its turn came (``events.maximum_age``), or of before the history was put back."""

    @property
    def is_carried_out(self) -> bool:
        """Whether a rebalance went through to its end for it, whatever the market and the broker let it do."""
        return self in (EventStatus.COMPLETED, EventStatus.INCOMPLETE)


_DRY: Final = "(dry_run)"
"""What marks a dry run in a line: of most events an account remembers live ones."""


class EventRecord(FrozenModel):
    """What an account remembers of one event. The summary is remembered until the account's next rebalance begins."""

    event_id: str
    mode: ExecutionMode
    requested_at: Instant
    status: EventStatus
    summary: str = ""

    @property
    def line(self) -> str:
        """All of it but the summary, short and legible: a full ring is in every history twice.

        For instance ``2026-11-24T14:30:00.120Z completed e17``, or ``… completed(dry_run) e17``.
        """
        at = self.requested_at.astimezone(UTC).replace(tzinfo=None)
        part = "milliseconds" if at.microsecond % 1000 == 0 else "microseconds"
        kind = _DRY if self.mode is ExecutionMode.DRY_RUN else ""
        return f"{at.isoformat(timespec=part)}Z {self.status}{kind} {self.event_id}"

    @classmethod
    def from_line(cls, line: str) -> Self:
        """Read ``line``; raises ``ValueError`` for anything else."""
        requested_at, status, event_id = line.split(" ", 2)
        return cls(
            event_id=event_id,
            mode=ExecutionMode.DRY_RUN if status.endswith(_DRY) else ExecutionMode.REBALANCE,
            requested_at=datetime.fromisoformat(requested_at),
            status=EventStatus(status.removesuffix(_DRY)),
        )

    def uses_up(self, trigger: Trigger) -> bool:
        """Whether this leaves nothing to do for the trigger. What expired and is published anew is a new request."""
        is_new = self.status is EventStatus.EXPIRED and trigger.requested_at > self.requested_at
        return _covers(self, trigger) and not is_new


def _covers(one: Trigger | EventRecord, other: Trigger) -> bool:
    """The same event id counts once in each mode, except that a live one does for both."""
    is_as_much = one.mode is ExecutionMode.REBALANCE or other.mode is ExecutionMode.DRY_RUN
    return one.event_id == other.event_id and is_as_much


class EventRing(FrozenModel):
    """The last events of an account, oldest first. An event older than a full ring's oldest is taken as known.

    An event id that came as a dry run and as a live event has a record of each.
    """

    records: tuple[EventRecord, ...] = ()

    @field_validator("records", mode="before")
    @classmethod
    def _from_lines(cls, given: object) -> object:
        if not isinstance(given, list | tuple):
            return given
        records = cast("Collection[object]", given)
        return tuple(EventRecord.from_line(each) if isinstance(each, str) else each for each in records)

    @field_serializer("records", when_used="json")
    def _as_lines(self, records: tuple[EventRecord, ...]) -> list[str | EventRecord]:
        return [record if record.summary else record.line for record in records]

    def knows(self, trigger: Trigger) -> bool:
        """Whether this event was taken on before, or is too old to tell."""
        if any(record.uses_up(trigger) for record in self.records):
            return True
        if trigger.mode is ExecutionMode.DRY_RUN:
            return False  # once more does no harm
        live = [record for record in self.records if record.mode is ExecutionMode.REBALANCE]
        # A ring of before dry runs were kept apart may have forgotten live ones for them.
        counted = live if len(live) >= REMEMBERED_EVENTS else self.records
        full = len(counted) >= REMEMBERED_EVENTS
        return full and trigger.requested_at <= min(record.requested_at for record in counted)

    def find(self, event_id: str, mode: ExecutionMode = ExecutionMode.DRY_RUN) -> EventRecord | None:
        """The record that tells what became of an event that came in this mode; a live one may tell it for both."""
        own = {record.mode: record for record in self.records if record.event_id == event_id}
        return own.get(mode) or own.get(ExecutionMode.REBALANCE)

    def noting(self, triggers: Iterable[Trigger], status: EventStatus, summary: str = "") -> Self:
        """This ring with the given events added, or moved to a new status."""
        changed = {
            (trigger.event_id, trigger.mode): EventRecord(
                event_id=trigger.event_id,
                mode=trigger.mode,
                requested_at=trigger.requested_at,
                status=status,
                summary=summary,
            )
            for trigger in triggers
        }
        return self.followed_by(EventRing(records=tuple(changed.values())))

    def followed_by(self, later: "EventRing") -> Self:
        """This ring with what another says added, or put in the place of what this one says of the same event."""
        changed = {(record.event_id, record.mode): record for record in later.records}
        kept = [changed.pop((record.event_id, record.mode), record) for record in self.records]
        merged = sorted([*kept, *changed.values()], key=lambda record: record.requested_at)
        return self.model_copy(update={"records": _latest(merged)})

    @property
    def without_summaries(self) -> Self:
        """The same in short: what became of each event, without the words."""
        records = tuple(record.model_copy(update={"summary": ""}) for record in self.records)
        return self.model_copy(update={"records": records})

    def after_ending_early(self, sent: Iterable[Trigger]) -> Self:
        """This ring for the next run: what the last one had not finished when it ended is over, and does not come back.

        ``sent`` are triggers that the ring may not hold, because the run had no chance to write them down.
        """
        unfinished = (EventStatus.PENDING, EventStatus.RUNNING)
        over = {"status": EventStatus.CANCELLED, "summary": ENDED_EARLY}
        records = (one.model_copy(update=over) if one.status in unfinished else one for one in self.records)
        ended = self.model_copy(update={"records": tuple(records)})
        return ended.noting((one for one in sent if not ended.knows(one)), EventStatus.CANCELLED, ENDED_EARLY)


def _latest(records: Sequence[EventRecord]) -> tuple[EventRecord, ...]:
    """The last of each kind, in their order: anybody may ask for dry runs, and they must not push live events out."""
    dry = [record for record in records if record.mode is ExecutionMode.DRY_RUN]
    live = [record for record in records if record.mode is ExecutionMode.REBALANCE]
    kept = {id(record) for record in (*live[-REMEMBERED_EVENTS:], *dry[-REMEMBERED_DRY_RUNS:])}
    return tuple(record for record in records if id(record) in kept)


def next_round(pending: tuple[Trigger, ...]) -> tuple[Trigger, ...]:
    """The triggers that one rebalance can serve together: all live ones first, else all dry runs.

    Events are coalesced only with their own kind, so a live request is never weakened to a dry run, nor the reverse.
    """
    live = tuple(trigger for trigger in pending if trigger.mode is ExecutionMode.REBALANCE)
    return live or pending
