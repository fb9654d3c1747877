"""What one rebalance knows, and the only thing of it that changes: status, details and outcome are read from it."""

import asyncio
import logging
from collections.abc import Awaitable, Iterable
from datetime import datetime
from decimal import Decimal
from typing import Final, TypeVar

from temporalio import workflow

from contract.names import PHASE
from contract.run_summary import OperatorAct
from rebalancing.approval import WaitingPlan
from rebalancing.market.snapshot import AccountSnapshot, OpenOrder
from rebalancing.orders.order import UNSENT, OrderReport
from rebalancing.outcomes import Phase
from rebalancing.planner.plan import Plan
from rebalancing.triggers import ExecutionMode, Trigger
from workflows import run_metrics
from workflows.operation_clock import OperationClock
from workflows.run_orders import RunOrders

T = TypeVar("T")

LOGGED: Final = frozenset(
    {
        Phase.HALTED,
        Phase.WAITING_FOR_TURN,
        Phase.WAITING_FOR_GATEWAY,
        Phase.WAITING_FOR_MARKET,
        Phase.WAITING_FOR_APPROVAL,
        Phase.CANCELLING_OPEN_ORDERS,
        Phase.NEEDS_OPERATOR,
        Phase.CANCELLING_WORKING_ORDERS,
    }
)
"""Phases that get a line in the log: what is waited for, and what is undone. Of the others the orders speak."""


class RunState:
    """The state of one run.

    ``orders`` is what became of every intent, ``opening`` the account before the first order, ``drift_before`` how far
    it was from its targets then, in percent. ``plan`` is the latest, ``waiting`` the one that a person is asked
    about, ``approved`` the one that a person approved of, ``acts`` what persons told the run. ``cancelled_orders`` were
    working before it and are gone. ``notes`` are told with the outcome, ``reading_notes`` are of the last reading,
    by who made them. ``is_watching_orders``: orders are worked for longer than the ordinary time, which is not counted
    as work. ``is_for_operator``: a person asked for this and waits for it; ``asked_at`` is when the first of those whom
    it serves asked. A phase is for showing and steers nothing.
    """

    def __init__(self, account: str) -> None:
        self.phase = Phase.STARTING
        self.since = workflow.now()
        self.detail = ""
        self.notes: list[str] = []
        self.reading_notes: dict[str, list[str]] = {}
        self.orders = RunOrders()
        self.clock = OperationClock()
        self.opening: AccountSnapshot | None = None
        self.drift_before: Decimal | None = None
        self.acts: list[OperatorAct] = []
        self.plan: Plan | None = None
        self.waiting: WaitingPlan | None = None
        self.approved: WaitingPlan | None = None
        self.cancelled_orders: tuple[OpenOrder, ...] = ()
        self.is_watching_orders = False
        self.is_for_operator = False
        self.mode = ExecutionMode.DRY_RUN
        self.asked_at: datetime | None = None
        self._has_ordered = False
        self._account = account
        self.is_stopping = False

    # --- what people see ------------------------------------------------------------------------------------------

    def enter(self, phase: Phase, detail: str = "", shown: str = "") -> None:
        """Move to a phase; ``detail`` says what is waited for, ``shown`` (Markdown) goes below it in the UI."""
        self.detail = detail
        workflow.set_current_details(f"**{phase.value}** {detail}" + (f"\n\n{shown}" if shown else ""))
        if phase is self.phase:
            return
        run_metrics.phase_left(self.phase, self.since)
        if phase in run_metrics.ENDS and self.asked_at is not None:
            run_metrics.done(self.mode, phase, self.asked_at)
            run_metrics.traded(self._account, self.orders.reports.values())
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

    def serve(self, triggers: tuple[Trigger, ...]) -> None:
        """These are whom this run is for, from here on."""
        self.is_for_operator = any(trigger.is_of_a_person for trigger in triggers)
        self.mode, self.asked_at = triggers[0].mode, min(trigger.requested_at for trigger in triggers)

    def note_placed(self, reports: Iterable[OrderReport]) -> None:
        """A visit that places orders is over; the first one that sent any says how long that took."""
        if not self._has_ordered and any(report.state not in UNSENT for report in reports):
            self._has_ordered = True
            if self.asked_at is not None:
                run_metrics.first_order(self.asked_at)

    def note_act(self, act: str, by: str) -> None:
        """Remember what a person told this run."""
        self.acts.append(OperatorAct(at=workflow.now(), act=act, by=by))

    # --- stopping -------------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """Let no further step follow; only the clean-up may still use the gateway."""
        self.is_stopping = True

    def check(self) -> None:
        """A step that finished although the rebalance was being stopped must not be followed by another."""
        if self.is_stopping:
            raise asyncio.CancelledError

    async def step(self, call: Awaitable[T]) -> T:
        """One call that is work."""
        result = await call
        self.check()
        return result
