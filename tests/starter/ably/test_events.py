"""What publishers send: which payloads trade, which only look, and which start nothing."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebalancing.triggers import ExecutionMode
from starter.ably.events import EVENT_ID_LIMIT, PAYLOAD_LIMIT, EventInvalid, parse_event

TRADE, DRY_RUN = ExecutionMode.REBALANCE, ExecutionMode.DRY_RUN


@pytest.mark.parametrize(
    "payload",
    [
        {"execution": "rebalance"},
        {"exec": "rebalance"},
        {"exec": "rebalance", "eventId": "e-1", "payload": {"strategy": "x"}},
        {"execution": "rebalance", "exec": "rebalance"},
    ],
)
def test_an_exact_rebalance_trades_in_whatever_form_it_arrives(payload: dict[str, Any]) -> None:
    text = json.dumps(payload)
    assert {parse_event("m", data).mode for data in (payload, text, text.encode())} == {TRADE}


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"execution": "dry_run"},
        {"execution": "Rebalance"},
        {"execution": "rebalance "},
        {"execution": ["rebalance"]},
        {"execution": None},
        {"execution": True},
        {"exec": "print-rebalance"},
        {"mode": "rebalance"},
        {"data": {"execution": "rebalance"}},
        {"execution": "rebalance", "exec": "print-rebalance"},
        {"execution": "dry_run", "exec": "rebalance"},
    ],
)
def test_any_other_object_is_a_dry_run(payload: dict[str, Any]) -> None:
    assert parse_event("m", payload).mode is DRY_RUN
    assert parse_event("m", json.dumps(payload)).mode is DRY_RUN


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (None, "missing"),
        ("", "no JSON"),
        ("rebalance", "no JSON"),
        ('"rebalance"', "JSON object is needed"),
        ('["rebalance"]', "JSON object is needed"),
        ("42", "JSON object is needed"),
        (["rebalance"], "JSON object is needed"),
        ('{"execution": "dry_run", "execution": "rebalance"}', "'execution' is in it twice"),
        ('{"eventId": "a", "execution": "rebalance", "eventId": "b"}', "'eventId' is in it twice"),
        ('{"execution": "rebalance", "payload": {"a": 1, "a": 2}}', "'a' is in it twice"),
        ('{"execution": "rebalance", "x": NaN}', "NaN is no number"),
        (7, "JSON object is needed"),
        ("{'execution': 'rebalance'}", "no JSON"),
        ('{"execution": "rebalance"', "no JSON"),
        (b"\xff\xfe\x00", "no JSON"),
        ("<html>rebalance</html>", "no JSON"),
        ("[" * 10_000, "no JSON"),
        ('{"execution": "rebalance", "x": "' + "x" * PAYLOAD_LIMIT + '"}', "bytes; at most"),
        ({"execution": "rebalance", "x": "x" * 1_000_000}, "bytes; at most"),
        (b"x" * 1_000_000, "bytes; at most"),
    ],
)
def test_what_is_no_event_says_why(data: object, reason: str) -> None:
    with pytest.raises(EventInvalid, match=reason) as refused:
        parse_event("m", data)
    assert len(str(refused.value)) < 200


def test_the_event_id_is_the_publishers_and_else_the_messages() -> None:
    assert parse_event("message-1", {"eventId": "event-1"}).event_id == "event-1"
    assert parse_event("message-1", {}).event_id == "message-1"
    assert parse_event("message-1", {"eventId": None}).event_id == "message-1"


@pytest.mark.parametrize(
    ("event_id", "text"), [(7, "7"), (0, "0"), (-3, "-3"), (20261124150000123456, "20261124150000123456"), (1.5, "1.5")]
)
def test_a_number_as_event_id_is_the_text_it_looks_like(event_id: float, text: str) -> None:
    payload = {"execution": "rebalance", "eventId": event_id}
    for data in (payload, json.dumps(payload)):
        assert parse_event("m", data).event_id == text
    assert parse_event("m", {**payload, "eventId": text}).event_id == text


@pytest.mark.parametrize(
    "event_id", ["", "  ", True, float("nan"), float("inf"), ["e"], {"id": "e"}, "e" * (EVENT_ID_LIMIT + 1), "\ud800"]
)
def test_an_unusable_event_id_starts_nothing(event_id: object) -> None:
    with pytest.raises(EventInvalid, match="eventId"):
        parse_event("m", {"execution": "rebalance", "eventId": event_id})


def test_a_long_message_id_is_known_by_its_hash() -> None:
    first, second = (parse_event("m" * EVENT_ID_LIMIT + end, {}).event_id for end in "ab")
    assert first != second
    assert len(first) <= EVENT_ID_LIMIT
    assert parse_event("m" * EVENT_ID_LIMIT, {}).event_id == "m" * EVENT_ID_LIMIT


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


@given(JSON | st.binary())
def test_nothing_else_than_a_plain_rebalance_ever_trades(data: object) -> None:
    try:
        event = parse_event("m", data)
    except EventInvalid:
        return
    assert event.mode is DRY_RUN
