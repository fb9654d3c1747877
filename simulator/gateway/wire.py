"""Framing and field formats of the TWS API socket protocol.

A frame is a big-endian 32-bit length and that many bytes; its content is a row of fields, each *ended* by a NUL.
"""

import asyncio
import re
import struct
from decimal import Decimal, InvalidOperation

MAX_FRAME_BYTES = 1 << 20
UNSET_DOUBLE = "1.7976931348623157E308"  # how the protocol spells "no value" where a number must stand
UNSET_INTEGER = 2**31 - 1  # and where a whole number must
_UNSET_FROM = Decimal("1e300")  # clients differ in the last digits
_LARGEST = Decimal(10) ** 12  # no price or size comes near; beyond, arithmetic would not be exact any more
_WHOLE = re.compile(r"-?[0-9]{1,19}")
_NUMBER = re.compile(r"-?[0-9]{1,20}(\.[0-9]{0,20})?([eE][+-]?[0-9]{1,3})?")
_MOST_SHOWN = 40  # characters of what could not be read that an error repeats

Field = str | int | float | Decimal | bool | None


class MalformedMessage(ValueError):
    """What arrived cannot be read as the message it claims to be."""


def field_text(value: Field) -> str:
    """One value as the protocol writes it: no value is empty, flags are 0/1, numbers without exponent."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, Decimal):
        return f"{value:f}"
    return str(value)


def frame(payload: bytes) -> bytes:
    """The payload with its length before it."""
    return struct.pack(">I", len(payload)) + payload


def encode(*values: Field) -> bytes:
    """A framed message of these fields."""
    return frame("".join(f"{field_text(value)}\0" for value in values).encode())


async def read_frame(reader: asyncio.StreamReader) -> bytes:
    """The next frame's payload.

    Raises `asyncio.IncompleteReadError` at the end of the stream and `MalformedMessage` for an impossible length.
    """
    (length,) = struct.unpack(">I", await reader.readexactly(4))
    if length > MAX_FRAME_BYTES:
        raise MalformedMessage(f"frame of {length} bytes; the limit is {MAX_FRAME_BYTES}")
    return await reader.readexactly(length)


def split_fields(payload: bytes) -> list[str]:
    """The fields of one frame; the last one must be ended like all others."""
    text = payload.decode(errors="backslashreplace")
    if not text.endswith("\0"):
        raise MalformedMessage("message does not end with NUL")
    return text[:-1].split("\0")


class FieldReader:
    """Takes the fields of a message one after the other."""

    def __init__(self, fields: list[str]) -> None:
        self._fields = fields
        self._next = 0

    @property
    def left(self) -> int:
        """How many fields have not been taken."""
        return len(self._fields) - self._next

    def text(self) -> str:
        """The next field as it is."""
        if not self.left:
            raise MalformedMessage(f"message ends after {len(self._fields)} fields")
        value = self._fields[self._next]
        self._next += 1
        return value

    def pairs(self) -> str:
        """A count and that many names with their values: all of them in a row, as `paired` takes them apart."""
        return "\0".join(self.text() for _ in range(2 * whole(self.text())))


def paired(text: str) -> tuple[tuple[str, str], ...]:
    """Names and values out of what `FieldReader.pairs` took."""
    words = text.split("\0") if text else []
    return tuple(zip(words[::2], words[1::2], strict=True))


def plain(text: str) -> str:
    """A value in the one spelling that all clients' spellings of it have: nothing for unset, 0 for zero, 0/1 for flags.

    Unset is also how the protocol spells "no value" where a number must stand.
    """
    if text in ("True", "true"):
        return "1"
    if text in ("False", "false"):
        return "0"
    try:
        value = Decimal(text)
    except InvalidOperation:
        return text
    if not value.is_finite():
        return text
    if value == UNSET_INTEGER or value >= _UNSET_FROM:
        return ""
    return "0" if value == 0 else text


def whole(text: str, default: int = 0) -> int:
    """A field as a whole number of 32 bits, the default when it is empty."""
    if not text:
        return default
    if not _WHOLE.fullmatch(text) or not -UNSET_INTEGER - 1 <= int(text) <= UNSET_INTEGER:
        raise MalformedMessage(f"not a whole number of 32 bits: {text[:_MOST_SHOWN]!r}")
    return int(text)


def number(text: str) -> Decimal | None:
    """A field as an exact number, ``None`` when it is unset."""
    if not text or text == "Infinite":
        return None
    value = Decimal(text) if _NUMBER.fullmatch(text) else None
    if value is None or _LARGEST < abs(value) < _UNSET_FROM:
        raise MalformedMessage(f"not a number, or one too large: {text[:_MOST_SHOWN]!r}")
    return value if value < _UNSET_FROM else None


def flag(text: str) -> bool:
    """A field as yes or no."""
    return plain(text) not in ("", "0")
