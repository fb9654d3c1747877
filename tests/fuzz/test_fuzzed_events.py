"""Whatever a publisher sends: an event, or the typed refusal; it trades only if it says exactly so (promise P6)."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebalancing.triggers import ExecutionMode, Trigger
from starter.ably.events import MODE_KEYS, Event, EventInvalid, parse_event
from tests.fuzz.inputs import JSON, SCALARS, damaged, text_of

pytestmark = pytest.mark.fuzz

MESSAGE_IDS = st.text(min_size=1, max_size=300)
NEARLY = st.fixed_dictionaries(
    {}, optional={"execution": SCALARS, "exec": SCALARS, "eventId": SCALARS, "payload": JSON, "Execution": SCALARS}
)


def deliverable(event: Event) -> None:
    """The event can be handed to the workflow as it is."""
    trigger = Trigger(
        account="DU1", event_id=event.event_id, mode=event.mode, source="ably", requested_at=datetime.now(UTC)
    )
    assert Trigger.model_validate_json(trigger.model_dump_json()) == trigger


def says_rebalance(payload: object) -> bool:
    named = [cast("dict[str, Any]", payload).get(key) for key in MODE_KEYS if key in cast("dict[str, Any]", payload)]
    return bool(named) and all(isinstance(mode, str) and mode == "rebalance" for mode in named)


@given(MESSAGE_IDS, JSON | NEARLY)
def test_a_decoded_payload_is_an_event_or_is_refused(message_id: str, payload: object) -> None:
    with suppress(EventInvalid):
        event = parse_event(message_id, payload)
        assert isinstance(payload, dict)
        assert (event.mode is ExecutionMode.REBALANCE) == says_rebalance(cast(object, payload))
        deliverable(event)


@given(MESSAGE_IDS, NEARLY.map(text_of).flatmap(damaged) | st.text() | st.binary())
def test_text_or_bytes_are_an_event_or_are_refused(message_id: str, payload: str | bytes) -> None:
    with suppress(EventInvalid):
        deliverable(parse_event(message_id, payload))


@given(MESSAGE_IDS, JSON | NEARLY)
def test_text_means_what_it_says_decoded(message_id: str, payload: object) -> None:
    with suppress(EventInvalid):
        event = parse_event(message_id, text_of(payload))
        assert isinstance(payload, dict)
        assert (event.mode is ExecutionMode.REBALANCE) == says_rebalance(cast(object, payload))
