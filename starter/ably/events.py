"""What an Ably message asks for: its mode and the id of its event. Pure: nothing is started here.

``{"execution": "rebalance"}`` trades. ``{"exec": "rebalance" | "print-rebalance" | …, "eventId": …}``, the form of the
original system's successor, is understood too. An object with any other mode, or none, is a dry run (promise P6).
"""

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Final, NamedTuple, cast

from rebalancing.errors import RebalancerError
from rebalancing.triggers import ExecutionMode
from starter.ably.strict_json import strict_json

PAYLOAD_LIMIT: Final = 64 * 1024
"""Bytes. Ably itself accepts no more on its standard plans."""

EVENT_ID_LIMIT: Final = 200
"""Characters, as for the event id of a trigger."""

MODE_KEYS: Final = ("execution", "exec")
EVENT_ID_KEY: Final = "eventId"
EXCERPT: Final = 60


class EventInvalid(RebalancerError):
    """A message is no event; nothing is started for it. The message says why.

    Do: ask the publisher to correct the message; nothing was started for it. See docs/events.md.
    """


class Event(NamedTuple):
    """What a publisher asks for."""

    event_id: str
    mode: ExecutionMode


def parse_event(message_id: str, data: object) -> Event:
    """The event in an Ably message's payload, which may be JSON text, bytes or an object that was decoded already.

    Raises:
        EventInvalid: the payload is too long, is no JSON object, or its event id is unusable.
    """
    payload = _object(data)
    event_id = payload.get(EVENT_ID_KEY)
    return Event(_short(message_id) if event_id is None else _checked(event_id), _mode(payload))


def _mode(payload: Mapping[str, object]) -> ExecutionMode:
    """Each mode that is named must be exactly ``rebalance``: where two contradict each other, nothing is traded."""
    named = [payload[key] for key in MODE_KEYS if key in payload]
    trades = bool(named) and all(ExecutionMode.of(mode) is ExecutionMode.REBALANCE for mode in named)
    return ExecutionMode.REBALANCE if trades else ExecutionMode.DRY_RUN


def _object(data: object) -> Mapping[str, object]:
    if isinstance(data, str | bytes | bytearray):
        _check_size(data.encode(errors="replace") if isinstance(data, str) else data)
        data = _decoded(data)
    elif isinstance(data, Mapping):
        _check_size(_encoded(cast("Mapping[str, object]", data)))
    if not isinstance(data, Mapping):
        raise EventInvalid(f"the payload is {_shown(data)}; a JSON object is needed")
    return cast("Mapping[str, object]", data)


def _check_size(payload: bytes | bytearray) -> None:
    if len(payload) > PAYLOAD_LIMIT:
        raise EventInvalid(f"the payload has {len(payload)} bytes; at most {PAYLOAD_LIMIT} are read")


def _decoded(text: str | bytes | bytearray) -> object:
    try:
        return strict_json(text)
    except ValueError as error:
        raise EventInvalid(f"the payload is no JSON ({error!s:.80}): {_shown(text)}") from None


def _encoded(payload: Mapping[str, object]) -> bytes:
    try:
        return json.dumps(payload, default=str).encode()
    except (ValueError, TypeError, RecursionError):
        raise EventInvalid("the payload cannot be written as JSON") from None


def _checked(event_id: object) -> str:
    if _is_number(event_id):
        event_id = str(event_id)  # publishers count their events; the id stays what it looks like
    if not isinstance(event_id, str) or not event_id.strip():
        raise EventInvalid(f"{EVENT_ID_KEY} is {_shown(event_id)}; text or a number is needed")
    if len(event_id) > EVENT_ID_LIMIT:
        raise EventInvalid(f"{EVENT_ID_KEY} has {len(event_id)} characters; at most {EVENT_ID_LIMIT} are allowed")
    if any(0xD800 <= ord(character) <= 0xDFFF for character in event_id):
        raise EventInvalid(f"{EVENT_ID_KEY} is no valid text (it holds half of a character)")
    return event_id


def _is_number(value: object) -> bool:
    """Whether this is a finite number; for Python, true and false are whole numbers too."""
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)


def _short(message_id: str) -> str:
    """Publishers may choose a message id of any length; a long one is known by its hash."""
    if len(message_id) <= EVENT_ID_LIMIT:
        return message_id
    return f"sha256-{hashlib.sha256(message_id.encode(errors='replace')).hexdigest()}"


def _shown(value: object) -> str:
    if value is None:
        return "missing"
    text = repr(value)
    return text if len(text) <= EXCERPT else f"{text[:EXCERPT]}…"
