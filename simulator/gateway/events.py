"""What the engine tells those who listen: facts about orders, fills, accounts and prices, in the order they happen."""

from dataclasses import dataclass
from decimal import Decimal

from simulator.gateway.orders import Execution, Order


@dataclass(frozen=True)
class OrderReported:
    """An order's terms and state, to be told to its owner."""

    order: Order


@dataclass(frozen=True)
class StatusReported:
    """An order's status only."""

    order: Order


@dataclass(frozen=True)
class ExecutionReported:
    """A fill."""

    execution: Execution


@dataclass(frozen=True)
class CommissionReported:
    """The commission of a fill told earlier."""

    execution: Execution


@dataclass(frozen=True)
class OrderMessage:
    """An error or notice about one order, with the API's code."""

    client_id: int
    order_id: int
    code: int
    text: str


@dataclass(frozen=True)
class MarginPreview:
    """The answer to a what-if order: margin and equity in the base currency before and after, commission in USD."""

    order: Order
    initial_before: Decimal
    initial_after: Decimal
    equity_before: Decimal
    equity_after: Decimal
    commission: Decimal


@dataclass(frozen=True)
class AccountChanged:
    """An account's figures were published anew."""

    account: str


@dataclass(frozen=True)
class PositionChanged:
    """An account holds another number of shares of a symbol."""

    account: str
    symbol: str


@dataclass(frozen=True)
class PricesChanged:
    """These symbols have new prices."""

    symbols: tuple[str, ...]


Event = (
    OrderReported
    | StatusReported
    | ExecutionReported
    | CommissionReported
    | OrderMessage
    | MarginPreview
    | AccountChanged
    | PositionChanged
    | PricesChanged
)
