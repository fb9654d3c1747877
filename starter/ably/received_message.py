"""A message from a channel, the same whether it was delivered live or read from history."""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

from starter.ably.strict_json import strict_json

DELETED = 2
"""Ably's number for a message that takes back an earlier one (`message.delete`)."""


class UnreadableMessageError(ValueError):
    """Something is no message to act on: it lacks the id or the time that every message has, or was taken back."""


@dataclass(frozen=True, slots=True)
class ReceivedMessage:
    """One message.

    Attributes:
        id: Unique within the channel; the same in history and in live delivery.
        data: The payload as far as it could be decoded: text, bytes, an object, an array or nothing. What claims
            to be JSON and is not stays text: deciding about it is the reader's business.
        timestamp: When Ably received it; aware, UTC.
    """

    id: str
    data: object
    timestamp: datetime


def received(raw: object) -> ReceivedMessage:
    """The message in an undecoded item of a history page or of a frame; its time is in epoch milliseconds.

    Raises:
        UnreadableMessageError: it is none, or its id or its time is missing or impossible.
    """
    if not isinstance(raw, Mapping):
        raise UnreadableMessageError(f"{type(raw).__name__} is no message")
    fields = cast("Mapping[str, object]", raw)
    id, data = fields.get("id") or fields.get("serial"), fields.get("data")
    if not isinstance(id, str) or not id:
        raise UnreadableMessageError("a message without an id cannot be told from others")
    if fields.get("action") == DELETED:
        raise UnreadableMessageError("its publisher has deleted it")
    return ReceivedMessage(
        id=id,
        data=_decoded(bytes(data) if isinstance(data, bytearray) else data, fields.get("encoding")),
        timestamp=_time(fields.get("timestamp")),
    )


def received_messages(frame: Mapping[str, object]) -> Iterator[ReceivedMessage | UnreadableMessageError]:
    """The messages in an undecoded frame of the live connection, each of them or what is wrong with it.

    What a frame says of all of them at once, it does not repeat in each (Ably's specification, TM2).
    """
    raws = frame.get("messages")
    for index, raw in enumerate(cast("list[object]", raws) if isinstance(raws, list) else []):
        try:
            fields = cast("Mapping[str, object]", raw) if isinstance(raw, Mapping) else {}
            id = fields.get("id") or (f"{frame['id']}:{index}" if frame.get("id") else None)
            yield received({**fields, "id": id, "timestamp": fields.get("timestamp") or frame.get("timestamp")})
        except UnreadableMessageError as error:
            yield error


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
