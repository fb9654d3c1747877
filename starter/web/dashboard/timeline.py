"""What a run did when: its phases, by the server's own history. No worker is asked."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client
from temporalio.converter import DataConverter

from contract.names import PHASE, workflow_id
from rebalancing.outcomes import ENDED_PHASES, WAITING_PHASES, Phase

MOST_EVENTS: Final = 5000
"""So many events of a history are looked at; a rebalance has about a hundred."""

LEGS: Final = frozenset({Phase.SELLING, Phase.BUYING})

_ENDED: Final = frozenset(
    {
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW,
    }
)


@dataclass(frozen=True)
class Span:
    """One phase from its beginning to its end; ``is_open``: it goes on."""

    phase: str
    start: datetime
    end: datetime
    is_open: bool = False

    @property
    def length(self) -> timedelta:
        """How long it took."""
        return self.end - self.start

    @property
    def kind(self) -> str:
        """Whether it is a wait, a leg, or work."""
        return "wait" if self.phase in WAITING_PHASES else "leg" if self.phase in LEGS else "work"


async def timeline_of(client: Client, account: str, run_id: str, now: datetime) -> tuple[Span, ...]:
    """The phases of a run in their order, to its end or until ``now``. Raises ``RPCError``."""
    handle = client.get_workflow_handle(workflow_id(account), run_id=run_id)
    events: list[HistoryEvent] = []
    async for event in handle.fetch_history_events():
        events.append(event)
        if len(events) >= MOST_EVENTS:
            break
    return spans_of(events, now)


def spans_of(events: Iterable[HistoryEvent], now: datetime) -> tuple[Span, ...]:
    """The phases that a history tells of."""
    spans: list[Span] = []
    phase, since, ended_at = Phase.STARTING.value, None, None
    for event in events:
        at = event.event_time.ToDatetime(tzinfo=UTC)
        since = since or at
        if event.event_type in _ENDED:
            ended_at = at
            break
        entered = _entered(event)
        if entered is not None and entered != phase:
            spans.append(Span(phase, since, at))
            phase, since = entered, at
    if since is not None and phase not in ENDED_PHASES:
        spans.append(Span(phase, since, ended_at or now, is_open=ended_at is None))
    return tuple(spans)


def _entered(event: HistoryEvent) -> str | None:
    """The phase that a run says it entered with this event, if it does."""
    attributes = event.upsert_workflow_search_attributes_event_attributes.search_attributes.indexed_fields
    if PHASE.name not in attributes:
        return None
    value = DataConverter.default.payload_converter.from_payload(attributes[PHASE.name])
    return value[0] if isinstance(value, list) and value else str(value)
