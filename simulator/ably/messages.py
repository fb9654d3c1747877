"""Messages as they are stored, and their translation from and to what clients send and expect."""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from simulator.ably.errors import AblyError, bad_request, not_simulated

MAX_MESSAGE_BYTES = 64 * 1024
"""Ably's limit for one message on the free and standard packages."""

MessageData = str | bytes | dict[str, Any] | list[Any] | None


@dataclass(frozen=True, slots=True)
class Draft:
    """A message as a publisher hands it over: everything the server has to add is still missing.

    `data` is what travels: text or bytes; `encoding` says what it was made from, outermost last.
    """

    name: str | None
    data: str | bytes | None
    encoding: str | None = None
    id: str | None = None
    client_id: str | None = None
    extras: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message as the channel keeps it. `timestamp` is milliseconds since the epoch, by the server's clock."""

    draft: Draft
    id: str
    serial: str
    timestamp: int
    connection_id: str | None

    def wire(self, *, binary: bool) -> dict[str, object]:
        """The message as clients expect it; bytes become base64 where the format is JSON."""
        data, encoding = self.draft.data, self.draft.encoding
        if isinstance(data, bytes) and not binary:
            data = base64.b64encode(data).decode()
            encoding = f"{encoding}/base64" if encoding else "base64"
        fields: dict[str, object] = {
            "id": self.id,
            "name": self.draft.name,
            "data": data,
            "encoding": encoding,
            "clientId": self.draft.client_id,
            "connectionId": self.connection_id,
            "extras": self.draft.extras,
            "timestamp": self.timestamp,
            "serial": self.serial,
            "action": 0,
            "version": {"serial": self.serial, "timestamp": self.timestamp},
        }
        return {key: value for key, value in fields.items() if value is not None}


def draft_of(data: MessageData, *, name: str | None = None, id: str | None = None) -> Draft:
    """A draft made from a plain value, encoded the way the client libraries do."""
    if isinstance(data, dict | list):
        return Draft(name=name, data=json.dumps(data), encoding="json", id=id)
    return Draft(name=name, data=data, id=id)


def draft_from_wire(raw: object) -> Draft:
    """The draft in a published message.

    Raises:
        AblyError: 40000/40009/40011/40013, for what the real service refuses too.
    """
    if not isinstance(raw, Mapping):
        raise bad_request("a message must be an object")
    fields = cast(Mapping[str, object], raw)
    extras = fields.get("extras")
    if extras is not None and not isinstance(extras, Mapping):
        raise bad_request("message field 'extras' must be an object")
    extras = cast("Mapping[str, object] | None", extras)
    if fields.get("action"):
        raise not_simulated("changing and deleting messages is")
    if unknown := ", ".join(sorted({"push", "ephemeral"} & set(extras or ()))):
        raise not_simulated(f"messages with {unknown} are")
    data, encoding = _unwrapped(fields.get("data"), _optional_text(fields, "encoding"))
    draft = Draft(
        name=_optional_text(fields, "name"),
        data=data,
        encoding=encoding,
        id=_optional_text(fields, "id"),
        client_id=_optional_text(fields, "clientId"),
        extras=extras,
    )
    if _size(draft) > MAX_MESSAGE_BYTES:
        raise AblyError(40009, 400, f"message too large: the limit is {MAX_MESSAGE_BYTES} bytes")
    return draft


def _unwrapped(data: object, encoding: str | None) -> tuple[str | bytes | None, str | None]:
    if isinstance(data, dict | list):
        # A publisher without a client library may post the object itself.
        return json.dumps(data), "json"
    if data is None or isinstance(data, bytes):
        return data, encoding
    if not isinstance(data, str):
        raise AblyError(40011, 400, "message data must be text, binary, an object, an array or absent")
    steps = encoding.split("/") if encoding else []
    if not steps or steps[-1] != "base64":
        return data, encoding
    try:
        return base64.b64decode(data, validate=True), "/".join(steps[:-1]) or None
    except binascii.Error as error:
        raise AblyError(40013, 400, f"message data is not the base64 it claims to be: {error}") from error


def _optional_text(fields: Mapping[str, object], key: str) -> str | None:
    value = fields.get(key)
    if value is None or isinstance(value, str):
        return value
    raise bad_request(f"message field {key!r} must be text")


def _size(draft: Draft) -> int:
    data = draft.data or b""
    return len(data.encode() if isinstance(data, str) else data) + len((draft.name or "").encode())
