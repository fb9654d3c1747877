"""What the ``status`` query of a rebalance answers."""

from rebalancing.approval import WaitingPlan
from rebalancing.base import FrozenModel, Instant
from rebalancing.orders.order import OrderReport
from rebalancing.outcomes import Phase
from rebalancing.planner.plan import Plan
from rebalancing.triggers import EventRing, ExecutionMode


class Status(FrozenModel):
    """Where a rebalance stands: its phase, latest plan and orders, and the events that are pending or remembered."""

    account: str
    phase: Phase
    since: Instant
    mode: ExecutionMode | None = None
    strategy: str = ""
    detail: str = ""
    orders: tuple[OrderReport, ...] = ()
    waiting_plan: WaitingPlan | None = None
    plan: Plan | None = None
    pending_events: tuple[str, ...] = ()
    events: EventRing = EventRing()
    rejected_triggers: tuple[str, ...] = ()
