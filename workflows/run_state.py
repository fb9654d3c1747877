"""What one rebalance knows, and the only thing of it that changes: status, details and outcome are read from it."""

import asyncio
import logging
from collections.abc import Awaitable, Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, TypeVar

from temporalio import workflow
from temporalio.common import SearchAttributeUpdate

from contract.names import DRIFT, EXECUTION_MODE, OUTCOME, PHASE, STRATEGY
from contract.run_summary import OperatorAct
from rebalancing.approval import WaitingPlan
from rebalancing.market.snapshot import AccountSnapshot, OpenOrder
from rebalancing.orders.order import UNSENT, OrderReport
from rebalancing.outcomes import ENDED_PHASES, Outcome, Phase
from rebalancing.planner.plan import Plan
from rebalancing.triggers import ExecutionMode, Trigger
from workflows import run_metrics
from workflows.details import Standing, details
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

DRY_RUN_OUTCOME: Final = "dry run"
"""The outcome of a dry run that came to its end: nothing was traded, so it is not called completed."""

DRIFT_DIGITS: Final = 4


class RunState:
    """The state of one run.

    ``strategy``, ``mode`` and ``triggers`` say what it is for, once it has begun; ``outcome`` is what it came to, and
    ``told`` how it ended, in words.
    ``orders`` is what became of every intent, ``opening`` the account before the first order, ``drift_before`` how far
    it was from its targets then, in percent. ``plan`` is the latest, ``waiting`` the one that a person is asked
    about, ``approved`` the one that a person approved of, ``acts`` what persons told the run. ``cancelled_orders`` were
    working before it and are gone. ``notes`` are told with the outcome, ``reading_notes`` are of the last reading,
    by who made them. ``is_watching_orders``: orders are worked for longer than the ordinary time, which is not counted
    as work. ``is_for_operator``: a person asked for this and waits for it; ``asked_at`` is when the first of those whom
    it serves asked. ``permit`` lets it trade where seals are required. A phase is for showing and steers nothing.
    """

    def __init__(self, account: str) -> None:
        self.phase = Phase.STARTING
        self.since = workflow.now()
        self.detail = ""
        self.notes: list[str] = []
        self.reading_notes: dict[str, list[str]] = {}
        self.orders = RunOrders(self.show)
        self.clock = OperationClock()
        self.strategy = ""
        self.mode: ExecutionMode | None = None
        self.triggers: tuple[Trigger, ...] = ()
        self.outcome: Outcome | None = None
        self.told = ""
        self.opening: AccountSnapshot | None = None
        self.drift_before: Decimal | None = None
        self.acts: list[OperatorAct] = []
        self.plan: Plan | None = None
        self.waiting: WaitingPlan | None = None
        self.approved: WaitingPlan | None = None
        self.cancelled_orders: tuple[OpenOrder, ...] = ()
        self.is_watching_orders = False
        self.is_for_operator = False
        self.asked_at: datetime | None = None
        self.permit = ""
        self._has_ordered = False
        self._shown = ""
        self._account = account
        self.is_stopping = False

    # --- what people see ------------------------------------------------------------------------------------------

    def enter(self, phase: Phase, detail: str = "", shown: str = "") -> None:
        """Move to a phase; ``detail`` says what is waited for, ``shown`` (Markdown) goes below it in the UI."""
        self.detail, self._shown = detail, shown
        if phase is self.phase:
            self.show()
            return
        run_metrics.phase_left(self.phase, self.since)
        if phase in ENDED_PHASES and self.mode is not None and self.asked_at is not None:
            run_metrics.done(self.mode, phase, self.asked_at)
            run_metrics.traded(self._account, self.orders.reports.values())
        self.phase, self.since = phase, workflow.now()
        self.show()
        if phase in LOGGED:
            level = logging.WARNING if phase is Phase.NEEDS_OPERATOR else logging.INFO
            self.log(level, f"{phase.value} {detail}".rstrip())
        if phase is Phase.PLANNING:
            return  # over before anybody could list it
        workflow.upsert_search_attributes(self._in_lists())

    def begin(self, strategy: str, mode: ExecutionMode) -> None:
        """What this run is for; before it began it has no mode."""
        self.strategy, self.mode = strategy, mode
        workflow.upsert_search_attributes([STRATEGY.value_set(strategy), EXECUTION_MODE.value_set(mode.value)])

    def show(self) -> None:
        """Have Temporal's UI show how the run stands now."""
        standing = Standing(
            account=self._account,
            phase=self.phase,
            since=self.since,
            detail=self.detail,
            shown=self._shown,
            told=self.told,
            mode=self.mode,
            strategy=self.strategy,
            triggers=self.triggers,
            drift_before=self.drift_before,
            plan=self.plan,
            intents=self.orders.intents,
            reports=self.orders.reports,
            outcome=self.outcome,
        )
        workflow.set_current_details(details(standing))

    def log(self, level: int, text: str) -> None:
        """One line about this account's rebalance; not again where it is replayed."""
        event = self.triggers[0].event_id if self.triggers else ""
        workflow.logger.log(level, "%s: %s", self._account, text, extra={"event": event})

    def serve(self, triggers: tuple[Trigger, ...]) -> None:
        """These are whom this run is for, from here on."""
        self.is_for_operator = any(trigger.is_of_a_person for trigger in triggers)
        self.triggers, self.mode = triggers, triggers[0].mode
        self.asked_at = min(trigger.requested_at for trigger in triggers)

    def note_placed(self, reports: Iterable[OrderReport]) -> None:
        """A visit that places orders is over; the first one that sent any says how long that took."""
        if not self._has_ordered and any(report.state not in UNSENT for report in reports):
            self._has_ordered = True
            if self.asked_at is not None:
                run_metrics.first_order(self.asked_at)

    def note_act(self, act: str, by: str) -> None:
        """Remember what a person told this run."""
        self.acts.append(OperatorAct(at=workflow.now(), act=act, by=by))

    def _in_lists(self) -> list[SearchAttributeUpdate[Any]]:
        """What lists of runs show, written with the phase in one command; a drift only where it is another."""
        updates: list[SearchAttributeUpdate[Any]] = [PHASE.value_set(self.phase.value)]
        known, outcome = workflow.info().typed_search_attributes, self._outcome_word
        if outcome:
            updates.append(OUTCOME.value_set(outcome))
        elif OUTCOME in known:  # a follow-up run begins with what the run before it showed
            updates.append(OUTCOME.value_unset())
        drift = None if self.drift is None else float(round(self.drift, DRIFT_DIGITS))
        if drift is not None and drift != known.get(DRIFT):
            updates.append(DRIFT.value_set(drift))
        return updates

    @property
    def drift(self) -> Decimal | None:
        """How far the account is from its targets as it was last measured; a dry run has moved nothing."""
        moved = self.outcome is not None and self.mode is ExecutionMode.REBALANCE
        return self.outcome.drift if moved and self.outcome else self.drift_before

    @property
    def _outcome_word(self) -> str:
        """What the run came to, in a word; empty while it goes on."""
        if self.phase not in ENDED_PHASES:
            return ""
        is_dry = self.phase is Phase.COMPLETED and self.mode is ExecutionMode.DRY_RUN
        return DRY_RUN_OUTCOME if is_dry else self.phase.value

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
