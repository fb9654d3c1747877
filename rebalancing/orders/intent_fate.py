"""What to do with an intent: one small state machine (promise P3), drawn in ``docs/intent-states.md``.

``fate_of`` decides from the evidence alone; ``OrderIds`` keeps the part of the evidence that is about order ids on one
connection to the gateway. Pure: the order desk gathers the evidence and acts. The rule numbers are those of the
drawing.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

ID_SKIP: Final = 1000
"""How many ids to pass over when the gateway says that one was used before: more than it was seen to roll back."""


class Fate(StrEnum):
    """What to do with an intent now."""

    ADOPT = "adopt"
    """The broker has it, or it went out on this very connection: it must not be sent."""
    SEND = "send"
    """It certainly never became an order, and what it was sized by is fresh."""
    NEW_ID = "new_id"
    """It was certainly never sent, but its id can no longer be used."""
    WITHDRAW = "withdraw"
    """It certainly never became an order, and what it was sized by is old: its leg is planned anew (promise P11)."""
    WAIT = "wait"
    """It may still come to light: look again when the quiet period is over."""
    UNKNOWN = "unknown"
    """Nobody can tell: it is never sent again, an operator decides."""


@dataclass(frozen=True)
class Evidence:
    """What is known of one intent on one connection.

    ``found``: the broker reported its ref (open orders of all clients, completed orders, executions), or it was sent on
    this connection. ``never_sent``: its id was reserved on this connection, or Temporal has no word that its sending
    ever began. A history that was rolled back may have lost that word, so it alone never lets an order go out: it must
    be as fresh as everything else. ``staleness`` says why its figures are old, empty while they are fresh.
    ``id_taken``: the broker reported another order of ours under its id. ``has_rival``: another order of ours for the
    same account and symbol works. ``highest_sent``: the highest id that went out on this connection, 0 for none.
    ``next_valid_id``: what the gateway named at the handshake. Days are the broker's dates (``YYYYMMDD``), positions
    whole shares. ``quiet_period_over``: the queries were asked again late enough for an order under way to have become
    visible.
    """

    found: bool
    never_sent: bool
    staleness: str
    id_taken: bool
    has_rival: bool
    order_id: int
    highest_sent: int
    next_valid_id: int
    trading_day: str
    today: str
    position_before: int
    position_now: int
    quiet_period_over: bool

    @property
    def is_overtaken(self) -> bool:
        """Whether its id, or a higher one, was used by another order."""
        return self.order_id <= self.highest_sent or self.id_taken or self.next_valid_id > self.order_id

    @property
    def obsolete(self) -> str:
        """Why an order that was never sent must not be sent any more, in words; empty where it may."""
        if self.staleness:
            return self.staleness
        if self.today != self.trading_day:
            return "the broker's day has changed since the order was prepared"
        if self.position_now != self.position_before:
            return f"the position changed from {self.position_before} to {self.position_now} since the account was read"
        if self.has_rival:
            return "another order of ours for the same symbol came to light"
        return ""


def fate_of(evidence: Evidence) -> Fate:
    """Decide. The order of the rules matters: each one relies on those before it."""
    if evidence.found:
        return Fate.ADOPT  # 4a
    if evidence.never_sent:
        if evidence.obsolete:
            return Fate.WITHDRAW  # P11
        return Fate.NEW_ID if evidence.is_overtaken else Fate.SEND
    if not evidence.quiet_period_over:
        return Fate.WAIT
    if evidence.today != evidence.trading_day:
        return Fate.UNKNOWN  # 4b: the broker's queries no longer reach back to it
    if evidence.is_overtaken:
        return Fate.UNKNOWN  # 4c: the id is used up, the order nowhere
    if evidence.position_now != evidence.position_before:
        return Fate.UNKNOWN  # 4d, its second half: something traded, and it may have been this
    return Fate.WITHDRAW  # 4d: it was never received, and its connection is gone: what it was sized by is old (P11)


class OrderIds:
    """The order ids of one connection: which are free, and what went out."""

    def __init__(self, next_valid_id: int) -> None:
        """``next_valid_id`` as the gateway named it at the handshake."""
        self.next_valid_id = next_valid_id
        self.highest_sent = 0
        self._floor = next_valid_id

    def reserve(self, at_least: int, count: int = 1) -> int:
        """The first of the next ``count`` free ids, not below ``at_least``."""
        order_id = max(self._floor, at_least)
        self._floor = order_id + count
        return order_id

    def note_sent(self, order_id: int) -> None:
        """An order goes out under this id; lower ones cannot be used any more."""
        self.highest_sent = max(self.highest_sent, order_id)

    def note_used_before(self, order_id: int) -> None:
        """The gateway says the id was used before (it had rolled its count back): go well beyond."""
        self._floor = max(self._floor, order_id + ID_SKIP)
