"""How one account stands: its latest run, what that waits for, and its last live run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from contract.names import workflow_id
from contract.status import Status
from rebalancing.approval import WaitingPlan
from rebalancing.orders.order import OrderReport, OrderState
from rebalancing.outcomes import Phase
from rebalancing.planner.plan import Plan
from rebalancing.triggers import EventRecord, EventRing
from starter.desk.pending_steps import PendingStep
from starter.desk.runs import Run

NEVER_RUN: Final = "never run"
UNTOLD: Final = "cannot be told"

FOR_A_PERSON: Final = frozenset({Phase.NEEDS_OPERATOR, Phase.WAITING_FOR_APPROVAL, Phase.HALTED})
"""Phases in which a rebalance waits for a person."""


@dataclass(frozen=True)
class AccountStatus:
    """One account: its latest run as the server lists it, what a worker and the server added, and its last live run.

    ``phase`` is ``NEVER_RUN`` or ``UNTOLD`` where there is no run to tell of; ``since`` is ``None`` then. ``detail``
    says what it waits for, or why it failed; ``rejected`` what it was asked and does not count. ``steps`` are what a
    running one waits for, ``position`` its place in the queue, 1 for the next. ``unread`` says why what is kept of it
    cannot be read, for want of a key. ``last_live`` is the last live run that is over, whatever dry runs came after it.
    """

    account: str
    phase: str
    strategy: str = ""
    mode: str = ""
    since: datetime | None = None
    is_running: bool = False
    run_id: str = ""
    events: EventRing = field(default_factory=EventRing)
    detail: str = ""
    orders: tuple[OrderReport, ...] = ()
    waiting_plan: WaitingPlan | None = None
    plan: Plan | None = None
    pending_events: tuple[str, ...] = ()
    rejected: tuple[str, ...] = ()
    steps: tuple[PendingStep, ...] = ()
    position: int | None = None
    last_live: Run | None = None
    is_configured: bool = True
    is_enabled: bool = True
    held_by: tuple[str, ...] = ()
    unread: str = ""

    @property
    def workflow_id(self) -> str:
        """The account's one workflow id."""
        return workflow_id(self.account)

    @property
    def last_event(self) -> EventRecord | None:
        """The newest event the account knows."""
        return self.events.records[-1] if self.events.records else None

    @property
    def waits_for_you(self) -> bool:
        """Whether it does not go on before a person has said something."""
        return self.is_running and self.phase in FOR_A_PERSON

    def as_json(self) -> Mapping[str, object]:
        """For programs; times in ISO 8601."""
        return {
            "account": self.account,
            "configured": self.is_configured,
            "enabled": self.is_enabled,
            "held_by": list(self.held_by),
            "strategy": self.strategy,
            "mode": self.mode,
            "phase": self.phase,
            "since": self.since.isoformat() if self.since else None,
            "running": self.is_running,
            "waits_for_you": self.waits_for_you,
            "detail": self.detail,
            "steps": [step.as_json() for step in self.steps],
            "position": self.position,
            "workflow_id": self.workflow_id,
            "run_id": self.run_id,
            "waiting_plan": self.waiting_plan.model_dump(mode="json") if self.waiting_plan else None,
            "plan": self.plan.model_dump(mode="json") if self.plan else None,
            "orders": [order.model_dump(mode="json") for order in self.orders],
            "pending_events": list(self.pending_events),
            "rejected": list(self.rejected),
            "events": [record.model_dump(mode="json") for record in self.events.records],
            "last_live": self.last_live.as_json() if self.last_live else None,
        }


def what_you_can_do(status: Status) -> str:
    """The commands by which a person has a rebalance go on that waits for one."""
    if status.phase is Phase.WAITING_FOR_APPROVAL:
        return f"`rebalancer approve {status.account}` shows the plan and asks; `rebalancer reject` ends it."
    if status.phase is Phase.HALTED:
        return ""  # what holds it names the command that ends it
    if status.phase is Phase.WAITING_FOR_MARKET:
        return f"What was asked for follows; `rebalancer cancel {status.account}` ends what waits."
    unknown = [order.ref for order in status.orders if order.state is OrderState.UNKNOWN]
    refs = f" ({', '.join(unknown)})" if unknown else ""
    return (
        f"Look its order{refs} up in TWS and cancel there what still works, then `rebalancer resolve {status.account} "
        "REF --filled N`, or `--not-placed`. More: `rebalancer explain needs operator`."
    )
