"""Where a rebalance stands, and what it came to."""

from decimal import Decimal
from enum import StrEnum

from rebalancing.base import FrozenModel, Instant, Money
from rebalancing.orders import OrderReport
from rebalancing.triggers import ExecutionMode


class Phase(StrEnum):
    """The step a rebalance is in; the value is what people see."""

    STARTING = "starting"
    WAITING_FOR_TURN = "waiting for its turn"
    READING = "reading"
    WAITING_FOR_GATEWAY = "waiting for gateway"
    WAITING_FOR_MARKET = "waiting for market"
    PLANNING = "planning"
    WAITING_FOR_APPROVAL = "waiting for approval"
    CANCELLING_ORDERS = "cancelling open orders"
    SELLING = "selling"
    BUYING = "buying"
    VERIFYING = "verifying"
    NEEDS_OPERATOR = "needs operator"
    CLEANING_UP = "cancelling working orders"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Gap(FrozenModel):
    """A symbol that ended away from its target, and why."""

    symbol: str
    target_weight: Decimal
    achieved_weight: Decimal
    reason: str


class Outcome(FrozenModel):
    """What one rebalance came to. Weights are shares of the base; tracking error is in percent."""

    account: str
    strategy: str
    mode: ExecutionMode
    event_ids: tuple[str, ...]
    phase: Phase
    weights_before: dict[str, Decimal] = {}
    target_weights: dict[str, Decimal] = {}
    weights_after: dict[str, Decimal] = {}
    tracking_error: Decimal | None = None
    orders: tuple[OrderReport, ...] = ()
    commissions: Money = Decimal(0)
    gaps: tuple[Gap, ...] = ()
    unmanaged: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    started_at: Instant
    finished_at: Instant

    @property
    def summary(self) -> str:
        """One line for people and for the event ring."""
        error = "" if self.tracking_error is None else f", tracking error {self.tracking_error:.2f} %"
        return f"{self.mode}: {len(self.orders)} orders{error}"
