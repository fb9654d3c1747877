"""Templates, and how times, amounts and phases are written in them."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib.resources import files
from typing import Final, cast
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined

from contract.summaries import counted
from rebalancing.outcomes import Phase
from starter.desk.account_status import NEVER_RUN, UNTOLD
from starter.desk.ages import NOTHING, span

TONES: Final[Mapping[str, str]] = {
    Phase.HALTED: "person",
    Phase.WAITING_FOR_APPROVAL: "person",
    Phase.NEEDS_OPERATOR: "person",
    Phase.WAITING_FOR_TURN: "wait",
    Phase.WAITING_FOR_GATEWAY: "wait",
    Phase.WAITING_FOR_MARKET: "wait",
    Phase.COMPLETED: "done",
    Phase.INCOMPLETE: "short",
    Phase.EXPIRED: "short",
    Phase.CANCELLED: "bad",
    Phase.FAILED: "bad",
    "terminated": "bad",
    "timed out": "bad",
    UNTOLD: "bad",
    NEVER_RUN: "none",
}
"""What kind of thing a phase is; those that are not named are work."""

SIGNS: Final[Mapping[str, str]] = {
    "work": "●", "wait": "◷", "person": "▲", "done": "✓", "short": "◐", "bad": "✕", "none": "○"
}  # fmt: skip
"""Each kind's sign, so that it is told without colour."""

STEPS: Final = ("read", "plan", "sell", "buy", "verify")
"""The steps of a rebalance, as its progress is shown."""

_STEP_OF: Final[Mapping[str, int]] = {
    Phase.READING: 0,
    Phase.WAITING_FOR_MARKET: 0,
    Phase.PLANNING: 1,
    Phase.WAITING_FOR_APPROVAL: 1,
    Phase.CANCELLING_OPEN_ORDERS: 1,
    Phase.SELLING: 2,
    Phase.BUYING: 3,
    Phase.VERIFYING: 4,
    Phase.COMPLETED: 5,
}

STATIC: Final = files("starter.web.dashboard") / "static"
"""The style sheet and the script."""


def tone(phase: str) -> str:
    """What kind of thing a phase is."""
    return TONES.get(phase, "work")


def step_of(phase: str) -> int | None:
    """The number of the step that a phase belongs to; ``None`` for one that may be within any."""
    return _STEP_OF.get(phase)


def clock(at: datetime | None) -> str:
    """A moment to the second; the script says it in the reader's own zone."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if at else NOTHING


def stamp(at: datetime | None) -> str:
    """The same for programs."""
    return at.astimezone(UTC).isoformat(timespec="seconds") if at else ""


def usd(amount: Decimal | None) -> str:
    """An amount in US dollars, to the cent below a thousand."""
    if amount is None:
        return NOTHING
    return f"${amount:,.0f}" if abs(amount) >= 1000 else f"${amount:,.2f}"


def percent(share: Decimal | None) -> str:
    """A share of 1 in percent."""
    return NOTHING if share is None else f"{100 * share:.1f} %"


def drift(value: Decimal | None) -> str:
    """A drift, which is in percent."""
    return NOTHING if value is None else f"{value:.2f} %"


def taken(length: timedelta | None) -> str:
    """A length of time, to a tenth of a second below ten."""
    if length is None:
        return NOTHING
    seconds = length.total_seconds()
    return f"{seconds:.1f} s" if seconds < 10 else span(length)


def sentence(words: str) -> str:
    """Words as a sentence begins."""
    return words[:1].upper() + words[1:]


def part(words: str) -> str:
    """One part of an address, whatever the words are: anybody may name a pause at the server."""
    return quote(words, safe="")


FILTERS: Final = (tone, step_of, clock, stamp, usd, percent, drift, taken, sentence, counted, part)
"""What templates write with, under its own name."""


def environment() -> Environment:
    """The templates: everything that is put into them is escaped."""
    made = Environment(
        loader=PackageLoader("starter.web.dashboard"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    cast("dict[str, object]", made.filters).update({each.__name__: each for each in FILTERS})
    cast("dict[str, object]", made.globals).update(SIGNS=SIGNS, STEPS=STEPS, NOTHING=NOTHING)
    return made
