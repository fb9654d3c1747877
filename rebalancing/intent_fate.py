"""What to do with an intent: one small state machine (promise P3), drawn in ``docs/intent-states.md``.

``fate_of`` decides from the evidence alone; ``OrderIds`` keeps the part of the evidence that is about order ids on one
connection to the gateway. Pure: the order desk gathers the evidence and acts. The rule numbers are those of the
drawing.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from rebalancing.orders import Intent

ID_SKIP: Final = 1000
"""How many ids to pass over when the gateway says that one was used before: more than it was seen to roll back."""


class Fate(StrEnum):
    """What to do with an intent now."""

    ADOPT = "adopt"
    """The broker has it, or it went out on this very connection: it must not be sent."""
    SEND = "send"
    """It certainly never became an order: it goes out under its own id."""
    NEW_ID = "new_id"
    """It was certainly never sent, but its id can no longer be used."""
    WAIT = "wait"
    """It may still come to light: look again when the quiet period is over."""
    UNKNOWN = "unknown"
    """Nobody can tell: it is never sent again, an operator decides."""


@dataclass(frozen=True)
class Evidence:
    """What is known of one intent on one connection.

    ``found``: the broker reported its ref (open orders of all clients, completed orders, executions), or it was sent on
    this connection. ``reserved_here``: its id was reserved on this connection, or it is placed for the very first time,
    so no earlier connection can have sent it.
    ``id_taken``: the broker reported another order of ours under its id. ``highest_sent``: the highest id that went out
    on this connection, 0 for none. ``next_valid_id``: what the gateway named at the handshake. Days are the broker's
    dates (``YYYYMMDD``), positions whole shares. ``quiet_period_over``: the queries were asked again late enough for an
    order under way to have become visible.
    """

    found: bool
    reserved_here: bool
    id_taken: bool
    order_id: int
    highest_sent: int
    next_valid_id: int
    trading_day: str
    today: str
    position_before: int
    position_now: int
    quiet_period_over: bool


def fate_of(evidence: Evidence) -> Fate:
    """Decide. The order of the rules matters: each one relies on those before it."""
    if evidence.found:
        return Fate.ADOPT  # 4a
    overtaken = evidence.order_id <= evidence.highest_sent or evidence.id_taken
    if evidence.reserved_here:
        return Fate.NEW_ID if overtaken or evidence.next_valid_id > evidence.order_id else Fate.SEND
    if not evidence.quiet_period_over:
        return Fate.WAIT
    if evidence.today != evidence.trading_day:
        return Fate.UNKNOWN  # 4b: the broker's queries no longer reach back to it
    if evidence.next_valid_id > evidence.order_id or overtaken:
        return Fate.UNKNOWN  # 4c: the id is used up, the order nowhere
    if evidence.position_now != evidence.position_before:
        return Fate.UNKNOWN  # 4d, its second half: something traded, and it may have been this
    return Fate.SEND  # 4d: under the same id, so that the gateway itself would notice a second one


class OrderIds:
    """The order ids of one connection: what was reserved on it, and what went out."""

    def __init__(self, next_valid_id: int) -> None:
        """``next_valid_id`` as the gateway named it at the handshake."""
        self.next_valid_id = next_valid_id
        self.highest_sent = 0
        self._floor = next_valid_id
        self._reserved: set[tuple[int, str]] = set()

    def reserve(self, ref: str, at_least: int) -> int:
        """The next free id, not below ``at_least``. Remembered with the ref: another intent may hold the same id."""
        order_id = max(self._floor, at_least)
        self._floor = order_id + 1
        self._reserved.add((order_id, ref))
        return order_id

    def note_never_placed(self, intent: Intent) -> None:
        """The intent got its id on an earlier connection, which was lost before anything was done with it."""
        self._reserved.add((intent.order_id, intent.ref))

    def reserved(self, intent: Intent) -> bool:
        """Whether this very intent got its id on this connection, or was never placed before."""
        return (intent.order_id, intent.ref) in self._reserved

    def note_sent(self, order_id: int) -> None:
        """An order goes out under this id; lower ones cannot be used any more."""
        self.highest_sent = max(self.highest_sent, order_id)

    def note_used_before(self, order_id: int) -> None:
        """The gateway says the id was used before (it had rolled its count back): go well beyond."""
        self._floor = max(self._floor, order_id + ID_SKIP)
