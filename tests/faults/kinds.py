"""The kinds of fault, and what a rebalance must come to under each (rules of DESIGN's promises and ADR 4)."""

from dataclasses import dataclass, replace
from typing import Final

from simulator.gateway.faults import Action
from tests.faults.steps import STEPS, Step

LARGER_SELL: Final = "sell-place-first"
"""What it does not bring is missing for one of the two buys."""

PLACING: Final = (LARGER_SELL, "sell-place", "buy-place-first", "buy-place")


@dataclass(frozen=True)
class Kind:
    """A fault. ``action`` is what the gateway's fault rules call it; none for a restart of the gateway itself."""

    name: str
    action: Action | None = None
    code: int = 201
    roll_back: bool = False
    orders_only: bool = False
    at_once: bool = False


KINDS: Final = (
    Kind("close_before", "close_before", at_once=True),
    Kind("close_after", "close_after"),
    Kind("half_open", "half_open", at_once=True),
    Kind("stall", "stall"),
    Kind("drop_ack", "drop_ack", orders_only=True),
    Kind("mute_order", "mute_order", orders_only=True),
    Kind("swallow", "swallow", orders_only=True),
    Kind("swallow_roll_back", "swallow", roll_back=True, orders_only=True),
    Kind("reject", "reject"),
    Kind("1100", "notice", code=1100, at_once=True),
    Kind("1101", "notice", code=1101, at_once=True),
    Kind("1102", "notice", code=1102, at_once=True),
    Kind("restart", at_once=True),
    Kind("restart_roll_back", roll_back=True, at_once=True),
)


@dataclass(frozen=True)
class Ending:
    """How a rebalance must end: ``completed``, ``needs operator``, or the type of the error it fails with.

    ``gaps``: how many of the traded symbols end away from their target, because an order was refused or never placed.
    ``unfunded``: how many buys of the plan are left out, because the sells that were to pay for them brought nothing.
    """

    how: str = "completed"
    gaps: int = 0
    unfunded: int = 0


def applies(step: Step, kind: Kind) -> bool:
    """Whether this fault can meet this step at all."""
    if kind.orders_only:
        return step.name in PLACING
    return step.request is not None or kind.at_once


def ending_of(step: Step, kind: Kind) -> Ending:
    """What the rules say of this cell. Everything that is not listed here ends as if nothing had happened."""
    ending = _ENDINGS.get((step.name, kind.name), Ending())
    return replace(ending, unfunded=1) if step.name == LARGER_SELL and ending.gaps else ending


_NEVER_PLACED: Final = Ending("needs operator", gaps=1)
"""The id is used up, or a higher one was taken, and the order is nowhere: rule 4c."""

_ENDINGS: Final = {
    **{(name, "swallow"): _NEVER_PLACED for name in PLACING},
    # The gateway takes ids in rising order: where the second order of a leg arrived, the id of the first is used up.
    **{(name, kind): _NEVER_PLACED for name in PLACING if "first" in name for kind in ("swallow_roll_back", "stall")},
    **{(name, "reject"): Ending(gaps=1) for name in PLACING},
    ("read-contracts", "reject"): Ending("SymbolUnknown"),
    ("margin-questions", "reject"): Ending("OrdersRefused"),
    ("cancel-open", "stall"): Ending("CancelUnconfirmed"),
    ("cancel-open", "reject"): Ending("CancelUnconfirmed"),
}


CELLS: Final = {f"{step.name}:{kind.name}": (step, kind) for step in STEPS for kind in KINDS if applies(step, kind)}
"""Every cell of the matrix by its name."""
