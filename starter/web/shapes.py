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


class _Shape(BaseModel):
    """The text below a field is its description in the OpenAPI document."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class RebalanceRequest(_Shape):
    """What to do: only an exact ``rebalance`` trades, anything else is a dry run."""

    model_config = ConfigDict(extra="forbid")

    execution_mode: str = Field(default=ExecutionMode.DRY_RUN.value, examples=["rebalance", "dry_run"])
    """`rebalance` trades; anything else is a dry run."""


class AccountEquityInfo(_Shape):
    """What is managed of an account, in US dollars. ``reserve_percentage`` is in percent."""

    total_equity: float
    """What is managed, with the reserve."""
    reserve_percentage: float
    """The account's cash reserve, in percent."""
    reserve_amount: float
    """Cash that is never spent."""
    available_for_trading: float
    """What the weights are taken of."""

    @classmethod
    def of(cls, plan: Plan, account: Account) -> Self:
        """As the plan found it."""
        return cls(
            total_equity=float(plan.base + plan.reserve),
            reserve_percentage=float(account.cash_reserve_percent),
            reserve_amount=float(plan.reserve),
            available_for_trading=float(plan.base),
        )


class RebalanceOrder(_Shape):
    """One order. ``market_value`` is in US dollars: what it filled for; before it filled, what it is planned to."""

    symbol: str
    """What is traded."""
    quantity: int
    """Shares."""
    action: str = Field(examples=["BUY", "SELL"])
    """`BUY` or `SELL`."""
    market_value: float
    """What it filled for; before it filled, what it is planned to."""

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


class CancelledOrderInfo(_Shape):
    """One working order of before that was cancelled first; in a dry run, that would be."""

    order_id: str
    """The broker's id."""
    symbol: str
    """What it would have traded."""
    quantity: int
    """Shares that had not filled."""
    action: str
    """`BUY` or `SELL`."""
    order_type: str
    """The broker's word for its type."""
    status: str
    """The broker's word for how it stood."""

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


class RebalanceResponse(_Shape):
    """What a rebalance came to. ``execution_mode`` is ``live`` or ``dry_run``; ``status`` is ``success`` or ``error``.

    ``equity_info`` is missing where no plan was made, or where the event was carried out before.
    """

    account_id: str
    """What the account is called."""
    execution_mode: str
    """`live` or `dry_run`."""
    equity_info: AccountEquityInfo | None
    """What is managed; `null` where no plan was made, or where the event was carried out before."""
    orders: list[RebalanceOrder]
    """What was sent; of a dry run, what would be."""
    cancelled_orders: list[CancelledOrderInfo]
    """Working orders of before that were cancelled first."""
    status: str = Field(examples=["success", "error"])
    """`success` or `error`."""
    message: str
    """What came of it, in words."""
    timestamp: datetime
    """When it ended."""


class AccountInfo(_Shape):
    """One account of the configuration. ``allocations_url`` shows no more of an address than its host."""

    account_id: str
    """What the account is called."""
    notification_channel: str
    """Its strategy, which is also the Ably channel."""
    allocations_url: str | None
    """Where its weights come from, no more than the host; `null` where from a file or the configuration."""


class AccountsResponse(_Shape):
    """The accounts that are switched on."""

    accounts: list[AccountInfo]
    """In the order of `accounts.yaml`."""


class PositionInfo(_Shape):
    """One holding; money in US dollars, ``avg_cost`` for one share. What is not known is ``null``."""

    symbol: str
    """What is held."""
    position: float
    """Shares, with fractions."""
    market_value: float | None
    """By the latest quote."""
    avg_cost: float | None
    """For one share, by the broker."""


class PositionsResponse(_Shape):
    """What an account holds now."""

    account_id: str
    """What the account is called."""
    positions: list[PositionInfo]
    """By symbol."""
    timestamp: datetime
    """When it was read."""


class AccountValueResponse(_Shape):
    """What the whole account is worth in US dollars, by the broker; ``null`` where it does not tell."""

    account_id: str
    """What the account is called."""
    net_liquidation: float | None
    """By the broker; `null` where it does not tell."""
    timestamp: datetime
    """When it was read."""


class HealthResponse(_Shape):
    """That this process lives; and whether the gateway is connected, as far as Temporal can tell (else ``null``)."""

    status: str
    """`healthy`."""
    ibkr_connected: bool | None
    """Whether the gateway is connected; `null` where Temporal does not answer."""
    timestamp: datetime
    """Now."""
    message: str | None = None
    """The same in words."""


class Accepted(_Shape):
    """What was asked for is not over yet. It goes on, whoever waits for it; ``look_at`` tells how far it is."""

    account_id: str
    """What the account is called."""
    event_id: str
    """The event by which it is remembered."""
    execution_mode: str
    """`live` or `dry_run`."""
    status: str = "accepted"
    """`accepted`."""
    message: str
    """Why nobody waits for it here."""
    look_at: str
    """Where to look, as `Location` says."""
    timestamp: datetime
    """Now."""


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
