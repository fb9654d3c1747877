"""Orders that the broker lists under refs of this application, whether or not this history knows of them."""

import re
from collections.abc import Iterable
from typing import Final

from pydantic import ConfigDict

from rebalancing.base import FrozenModel

_OWN_REF: Final = re.compile(r"(rb-[0-9a-f]{20})-\d+-\d+-[0-9a-f]{8}(?!\d)")
"""A ref as ``order_ref`` makes it; IBKR may append something."""

MOST_TOLD: Final = 5
"""Orders that are named; of more, how many there are."""


class PlacedOrder(FrozenModel):
    """An order that the broker lists."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    ref: str
    """The ref that it was placed under."""
    words: str
    """What it is and what became of it, for people."""

    def __str__(self) -> str:
        return f"{self.words} ({self.ref})"


def run_part(ref: str) -> str:
    """What all refs of the run begin with that placed this order; empty for a ref that is none of ours."""
    found = _OWN_REF.match(ref)
    return found.group(1) if found else ""


def told_of(orders: Iterable[PlacedOrder]) -> str:
    """These orders in words, the first few by name."""
    given = tuple(orders)
    named = "; ".join(map(str, given[:MOST_TOLD]))
    return named if len(given) <= MOST_TOLD else f"{named}; and {len(given) - MOST_TOLD} more"
