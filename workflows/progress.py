"""What people see of a rebalance while it runs: its phase as a search attribute, and the status query."""

from temporalio import workflow

from rebalancing.approval import WaitingPlan
from rebalancing.base import FrozenModel, Instant
from rebalancing.orders import OrderReport
from rebalancing.outcomes import Phase
from rebalancing.triggers import EventRing, ExecutionMode
from workflows.names import PHASE


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


class Progress:
    """The phase of the running rebalance, told to the server whenever it changes."""

    def __init__(self) -> None:
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
        if phase is Phase.PLANNING:
            return  # over before anybody could list it
        workflow.upsert_search_attributes([PHASE.value_set(phase.value)])
