"""A message from a channel, the same whether it was delivered live or read from history."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from starter.strict_json import strict_json


class UnreadableMessageError(ValueError):
    """A message lacks what every message has: an id and a time."""


@dataclass(frozen=True, slots=True)
class ReceivedMessage:
    """One message.

    Attributes:
        id: Unique within the channel; the same in history and in live delivery.
        name: The publisher's event name, if there was one.
        data: The payload as far as it could be decoded: text, bytes, an object, an array or nothing. What claims
            to be JSON and is not stays text: deciding about it is the reader's business.
        timestamp: When Ably received it; aware, UTC.
    """

    id: str
    name: str | None
    data: object
    timestamp: datetime


def received(*, id: object, name: object, data: object, timestamp: object) -> ReceivedMessage:
    """The message with these parts, as the client library hands them over. `timestamp` is in epoch milliseconds.

    Raises:
        UnreadableMessageError: the id or the time is missing or impossible.
    """
    if not isinstance(id, str) or not id:
        raise UnreadableMessageError("a message without an id cannot be told from others")
    return ReceivedMessage(
        id=id,
        name=name if isinstance(name, str) else None,
        data=bytes(data) if isinstance(data, bytearray) else data,
        timestamp=_time(timestamp),
    )


def received_from_history(raw: Mapping[str, object]) -> ReceivedMessage:
    """The message in an undecoded item of a history page.

    Raises:
        UnreadableMessageError: the id or the time is missing or impossible.
    """
    return received(
        id=raw.get("id") or raw.get("serial"),
        name=raw.get("name"),
        data=_decoded(raw.get("data"), raw.get("encoding")),
        timestamp=raw.get("timestamp"),
    )


def _decoded(data: object, encoding: object) -> object:
    """Undo the encoding steps from the outermost inwards, as far as they can be undone.

    Steps: Ably's documentation of message encoding (`json/utf-8/base64`).
    """
    steps = encoding.split("/") if isinstance(encoding, str) and encoding else []
    value = data
    try:
        for step in reversed(steps):
            value = _undone(step, value)
    except ValueError:
        return data
    return value


def _undone(step: str, value: object) -> object:
    if step == "base64" and isinstance(value, str):
        return base64.b64decode(value, validate=True)
    if step == "utf-8":
        return value.decode() if isinstance(value, bytes) else value
    if step == "json" and isinstance(value, str | bytes):
        return strict_json(value)
    raise ValueError(f"cannot undo {step!r}")


def _time(milliseconds: object) -> datetime:
    if not isinstance(milliseconds, int | float) or isinstance(milliseconds, bool):
        raise UnreadableMessageError(f"a message without a time: {milliseconds!r}")
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise UnreadableMessageError(f"a message with an impossible time: {milliseconds!r}") from error
