"""Framing and field formats of the TWS API socket protocol.

A frame is a big-endian 32-bit length and that many bytes; its content is a row of fields, each *ended* by a NUL.
"""

import asyncio
import struct
from decimal import Decimal, InvalidOperation

MAX_FRAME_BYTES = 1 << 20
UNSET_DOUBLE = "1.7976931348623157E308"  # how the protocol spells "no value" where a number must stand

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
    """Takes fields one after the other; unset values are empty and read as ``None`` or the default."""

    def __init__(self, fields: list[str]) -> None:
        self._fields = fields
        self._next = 0

    def text(self) -> str:
        """The next field as it is."""
        if self._next >= len(self._fields):
            raise MalformedMessage(f"message ends after {len(self._fields)} fields")
        value = self._fields[self._next]
        self._next += 1
        return value

    def integer(self, default: int = 0) -> int:
        """The next field as a whole number, the default when it is empty."""
        text = self.text()
        if not text:
            return default
        try:
            return int(text)
        except ValueError as error:
            raise MalformedMessage(f"not a whole number: {text!r}") from error

    def decimal(self) -> Decimal | None:
        """The next field as an exact number, ``None`` when it is empty or not finite."""
        text = self.text()
        if not text or text == "Infinite":
            return None
        try:
            value = Decimal(text)
        except InvalidOperation as error:
            raise MalformedMessage(f"not a number: {text!r}") from error
        return value if value.is_finite() and value < Decimal("1e300") else None

    def flag(self) -> bool:
        """The next field as yes or no."""
        return self.text() not in ("", "0", "False", "false")

    def skip(self, count: int) -> None:
        """Pass over fields this simulation has no use for."""
        for _ in range(count):
            self.text()
