"""Symbols as IBKR writes them: the one place where what people and publishers write becomes a symbol.

Everything else compares symbols as they are. So a share must never have two: one half of the plan would sell it, and
the other half buy it again.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Final, TypeVar

from pydantic import AfterValidator, ValidatorFunctionWrapHandler, WithJsonSchema, WrapValidator
from pydantic_core import PydanticCustomError

T = TypeVar("T")

WRITTEN: Final = r"^[A-Za-z0-9]([A-Za-z0-9 ./-]{0,19}[A-Za-z0-9])?$"
"""How a symbol may be written."""

ALLOWED: Final = "letters A to Z and digits, and between them a space or one of . / -"
"""The same in words."""


def symbol_of(text: str) -> str:
    """The symbol in capitals, a class share with a space as IBKR has it: ``brk.b`` and ``BRK B`` are ``BRK B``.

    Raises ``ValueError`` for what is no symbol, anything but ASCII among it: it might become another one's name (the
    capital of the long ``ſ`` is S).
    """
    written = text.strip()
    if not re.fullmatch(WRITTEN, written):
        raise PydanticCustomError("symbol", f"A symbol is allowed: {ALLOWED}")
    return written.upper().replace(".", " ")


Symbol = Annotated[str, AfterValidator(symbol_of), WithJsonSchema({"type": "string", "pattern": WRITTEN})]


def _each_once(value: object, read: ValidatorFunctionWrapHandler) -> object:
    by_symbol: Mapping[str, object] = read(value)
    if isinstance(value, Mapping) and len(by_symbol) != len(value):
        raise ValueError("the same share is named twice")
    return by_symbol


BySymbol = Annotated[dict[Symbol, T], WrapValidator(_each_once)]
"""Something for each of some symbols, each named once."""
