"""What people see of a rebalance while it runs: its phase as a search attribute, and the status query."""

import logging
from typing import Final

from temporalio import workflow

from contract.names import PHASE
from rebalancing.approval import WaitingPlan
from rebalancing.base import FrozenModel, Instant
from rebalancing.orders.order import OrderReport
from rebalancing.outcomes import Phase
from rebalancing.triggers import EventRing, ExecutionMode


class Status(FrozenModel):
    """The answer to the ``status`` query."""

    account: str
    phase: Phase
    since: Instant
    mode: ExecutionMode | None = None
    strategy: str = ""
    detail: str = ""
    orders: tuple[OrderReport, ...] = ()
    waiting_plan: WaitingPlan | None = None
    pending_events: tuple[str, ...] = ()
    events: EventRing = EventRing()
    rejected_triggers: tuple[str, ...] = ()


LOGGED: Final = frozenset(
    {
        Phase.WAITING_FOR_TURN,
        Phase.WAITING_FOR_GATEWAY,
        Phase.WAITING_FOR_MARKET,
        Phase.WAITING_FOR_APPROVAL,
        Phase.CANCELLING_ORDERS,
        Phase.NEEDS_OPERATOR,
        Phase.CLEANING_UP,
    }
)
"""Phases that get a line in the log: what is waited for, and what is undone. Of the others the orders speak."""


class Progress:
    """The phase of the running rebalance, told to the server whenever it changes, and to the log where it waits."""

    def __init__(self, account: str) -> None:
        self._account = account
        self.phase = Phase.STARTING
        self.since = workflow.now()
        self.detail = ""

    def enter(self, phase: Phase, detail: str = "", shown: str = "") -> None:
        """Move to a phase; ``detail`` says what is waited for, ``shown`` (Markdown) goes below it in the UI."""
        self.detail = detail
        workflow.set_current_details(f"**{phase.value}** {detail}" + (f"\n\n{shown}" if shown else ""))
        if phase is self.phase:
            return
        self.phase, self.since = phase, workflow.now()
        if phase in LOGGED:
            level = logging.WARNING if phase is Phase.NEEDS_OPERATOR else logging.INFO
            self.log(level, f"{phase.value} {detail}".rstrip())
        if phase is Phase.PLANNING:
            return  # over before anybody could list it
        workflow.upsert_search_attributes([PHASE.value_set(phase.value)])

    def log(self, level: int, text: str) -> None:
        """One line about this account's rebalance; not again where it is replayed."""
        workflow.logger.log(level, "%s: %s", self._account, text)
