"""Where a rebalance stands, and what it came to."""

from decimal import Decimal
from enum import StrEnum
from typing import Final

from rebalancing.base import FrozenModel, Instant, Money
from rebalancing.funding.cash_standing import CashStanding
from rebalancing.market.snapshot import OpenOrder
from rebalancing.orders.order import OrderReport
from rebalancing.orders.slippage import Slippage
from rebalancing.planner.plan import Plan
from rebalancing.triggers import ExecutionMode


class Phase(StrEnum):
    """The step a rebalance is in; the value is what people see."""

    STARTING = "starting"
    HALTED = "halted"
    WAITING_FOR_TURN = "waiting for its turn"
    READING = "reading"
    WAITING_FOR_GATEWAY = "waiting for gateway"
    WAITING_FOR_MARKET = "waiting for market"
    PLANNING = "planning"
    WAITING_FOR_APPROVAL = "waiting for approval"
    CANCELLING_OPEN_ORDERS = "cancelling open orders"
    SELLING = "selling"
    BUYING = "buying"
    VERIFYING = "verifying"
    NEEDS_OPERATOR = "needs operator"
    CANCELLING_WORKING_ORDERS = "cancelling working orders"
    COMPLETED = "completed"
    INCOMPLETE = "incomplete"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


ENDED_PHASES: Final = frozenset({Phase.COMPLETED, Phase.INCOMPLETE, Phase.FAILED, Phase.CANCELLED, Phase.EXPIRED})
"""Phases that nothing follows."""

WAITING_PHASES: Final = frozenset(
    {
        Phase.HALTED,
        Phase.WAITING_FOR_TURN,
        Phase.WAITING_FOR_GATEWAY,
        Phase.WAITING_FOR_MARKET,
        Phase.WAITING_FOR_APPROVAL,
        Phase.NEEDS_OPERATOR,
    }
)
"""Phases in which a rebalance is not at work."""


class Gap(FrozenModel):
    """A symbol that ended away from its target, and why.

    ``is_explained``: whole shares, the market or a rule of the account leave it. Otherwise something was not carried
    out, and the rebalance is incomplete.
    """

    symbol: str
    target_weight: Decimal
    achieved_weight: Decimal
    reason: str
    is_explained: bool = True


class Outcome(FrozenModel):
    """What one rebalance came to. Weights are shares of the base; drift is in percent.

    ``phase`` is ``COMPLETED``, or ``INCOMPLETE`` where a gap is not explained: an order was rejected, cut short or
    given up, or the broker reports holdings that no fill explains.
    ``plan`` is the one that was carried out (in a dry run: would be), ``arrival_prices`` are those it was made with.
    ``cash`` is where the cash stands after it; in a dry run, where it would. ``cancelled_orders`` are those of before
    that were cancelled first, as they were read before that; in a dry run, that would be.
    """

    account: str
    strategy: str
    mode: ExecutionMode
    event_ids: tuple[str, ...]
    phase: Phase
    weights_before: dict[str, Decimal] = {}
    target_weights: dict[str, Decimal] = {}
    weights_after: dict[str, Decimal] = {}
    drift: Decimal | None = None
    drift_before: Decimal | None = None
    orders: tuple[OrderReport, ...] = ()
    commissions: Money = Decimal(0)
    plan: Plan | None = None
    arrival_prices: dict[str, Money] = {}
    slippage: Slippage | None = None
    cash: CashStanding | None = None
    gaps: tuple[Gap, ...] = ()
    unmanaged: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    cancelled_orders: tuple[OpenOrder, ...] = ()
    started_at: Instant
    finished_at: Instant

    @property
    def summary(self) -> str:
        """One line for people and for the event ring."""
        drift = "" if self.drift is None else f", drift {self.drift:.2f} %"
        missing = f"; incomplete: {self.missing}" if self.missing else ""
        return f"{self.mode}: {len(self.orders)} orders{drift}{missing}"

    @property
    def missing(self) -> str:
        """What was not carried out, with the reasons; empty where it is complete."""
        return "; ".join(f"{gap.symbol}: {gap.reason}" for gap in self.gaps if not gap.is_explained)
