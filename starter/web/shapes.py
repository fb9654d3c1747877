"""The answers of the original's routes: its fields, its names, and its numbers, which are not exact."""

from datetime import datetime
from decimal import Decimal
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from rebalancing.accounts import Account
from rebalancing.market.snapshot import OpenOrder
from rebalancing.orders.order import OrderReport
from rebalancing.outcomes import Outcome
from rebalancing.planner.plan import Plan, PlannedOrder
from rebalancing.triggers import ExecutionMode

LIVE = "live"
"""What the original calls a rebalance that trades."""


class RebalanceRequest(BaseModel):
    """What to do: only an exact ``rebalance`` trades, anything else is a dry run."""

    model_config = ConfigDict(extra="forbid")

    execution_mode: str = Field(default=ExecutionMode.DRY_RUN.value, examples=["rebalance", "dry_run"])


class AccountEquityInfo(BaseModel):
    """What is managed of an account, in US dollars. ``reserve_percentage`` is in percent."""

    total_equity: float
    reserve_percentage: float
    reserve_amount: float
    available_for_trading: float

    @classmethod
    def of(cls, plan: Plan, account: Account) -> Self:
        """As the plan found it."""
        return cls(
            total_equity=float(plan.base + plan.reserve),
            reserve_percentage=float(account.cash_reserve_percent),
            reserve_amount=float(plan.reserve),
            available_for_trading=float(plan.base),
        )


class RebalanceOrder(BaseModel):
    """One order. ``market_value`` is in US dollars: what it filled for; before it filled, what it is planned to."""

    symbol: str
    quantity: int
    action: str = Field(examples=["BUY", "SELL"])
    market_value: float

    @classmethod
    def planned(cls, order: PlannedOrder) -> Self:
        """What would be sent."""
        value = float(order.estimated_value)
        return cls(symbol=order.symbol, quantity=order.quantity, action=order.side.value, market_value=value)

    @classmethod
    def sent(cls, order: OrderReport) -> Self:
        """What was sent."""
        value = float(order.filled * order.average_price)
        return cls(symbol=order.symbol, quantity=order.quantity, action=order.side.value, market_value=value)


class CancelledOrderInfo(BaseModel):
    """One working order of before that was cancelled first; in a dry run, that would be."""

    order_id: str
    symbol: str
    quantity: int
    action: str
    order_type: str
    status: str

    @classmethod
    def of(cls, order: OpenOrder) -> Self:
        """As it was read before it was cancelled."""
        return cls(
            order_id=str(order.order_id),
            symbol=order.symbol,
            quantity=order.remaining,
            action=order.side,
            order_type=order.order_type,
            status=order.status,
        )


class RebalanceResponse(BaseModel):
    """What a rebalance came to. ``execution_mode`` is ``live`` or ``dry_run``; ``status`` is ``success`` or ``error``.

    ``equity_info`` is missing where no plan was made, or where the event was carried out before.
    """

    account_id: str
    execution_mode: str
    equity_info: AccountEquityInfo | None
    orders: list[RebalanceOrder]
    cancelled_orders: list[CancelledOrderInfo]
    status: str = Field(examples=["success", "error"])
    message: str
    timestamp: datetime


class AccountInfo(BaseModel):
    """One account of the configuration. ``allocations_url`` shows no more of an address than its host."""

    account_id: str
    notification_channel: str
    allocations_url: str | None


class AccountsResponse(BaseModel):
    """The accounts that are switched on."""

    accounts: list[AccountInfo]


class PositionInfo(BaseModel):
    """One holding; money in US dollars, ``avg_cost`` for one share. What is not known is ``null``."""

    symbol: str
    position: float
    market_value: float | None
    avg_cost: float | None


class PositionsResponse(BaseModel):
    """What an account holds now."""

    account_id: str
    positions: list[PositionInfo]
    timestamp: datetime


class AccountValueResponse(BaseModel):
    """What the whole account is worth in US dollars, by the broker; ``null`` where it does not tell."""

    account_id: str
    net_liquidation: float | None
    timestamp: datetime


class HealthResponse(BaseModel):
    """That this process lives; and whether the gateway is connected, as far as Temporal can tell (else ``null``)."""

    status: str
    ibkr_connected: bool | None
    timestamp: datetime
    message: str | None = None


class Accepted(BaseModel):
    """What was asked for is not over yet. It goes on, whoever waits for it; ``look_at`` tells how far it is."""

    account_id: str
    event_id: str
    execution_mode: str
    status: str = "accepted"
    message: str
    look_at: str
    timestamp: datetime


def mode_of(mode: ExecutionMode) -> str:
    """The original's word for a mode."""
    return LIVE if mode is ExecutionMode.REBALANCE else mode.value


def orders_of(outcome: Outcome) -> list[RebalanceOrder]:
    """What was sent; of a dry run, what would be."""
    if outcome.mode is ExecutionMode.REBALANCE:
        return [RebalanceOrder.sent(order) for order in outcome.orders]
    return [RebalanceOrder.planned(order) for order in (outcome.plan.orders if outcome.plan else ())]


def number(value: Decimal | None) -> float | None:
    """A figure as the original wrote it."""
    return None if value is None else float(value)
