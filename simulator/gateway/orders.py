"""Orders and executions as the gateway keeps them. Mutable on purpose: they are the engine's state, saved as JSON."""

from datetime import datetime
from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict

OrderStatus = Literal[
    "PendingSubmit", "PreSubmitted", "Submitted", "PendingCancel", "Cancelled", "ApiCancelled", "Filled", "Inactive"
]
WORKING: frozenset[OrderStatus] = frozenset({"PendingSubmit", "PreSubmitted", "Submitted", "PendingCancel"})

TIMES_IN_FORCE = ("DAY", "GTC", "IOC", "FOK")
IMMEDIATE = ("IOC", "FOK")
"""The times in force of which what cannot be had at once is cancelled: the rest of an IOC, the whole of a FOK."""


class Arrival(BaseModel):
    """What an order met when it came in: by this it can be judged afterwards with which figures it was sent.

    ``price`` is what it would have traded at, ``committed`` what the account's other working buys would still cost;
    ``connected_at`` is when the connection it came by was opened, where it came by one. Amounts in USD.
    """

    model_config = ConfigDict(extra="forbid")

    price: Decimal
    cash: Decimal
    net_liquidation: Decimal
    committed: Decimal
    connected_at: datetime | None = None


class Order(BaseModel):
    """One order. ``order_id`` is unique per client id only, ``perm_id`` everywhere; quantities in shares."""

    model_config = ConfigDict(extra="forbid")

    client_id: int
    order_id: int
    perm_id: int
    account: str
    symbol: str
    action: Literal["BUY", "SELL"]
    quantity: int
    order_type: str
    limit_price: Decimal | None = None
    tif: str = "DAY"
    ref: str = ""
    outside_rth: bool = False
    algo_strategy: str = ""
    algo_params: tuple[tuple[str, str], ...] = ()
    exchange: str = "SMART"
    status: OrderStatus = "PendingSubmit"
    acknowledged: bool = False
    filled: int = 0
    average_price: Decimal = Decimal(0)
    last_price: Decimal = Decimal(0)
    commission: Decimal | None = None
    placed_at: datetime
    completed_at: datetime | None = None
    completed_status: str = ""
    arrival: Arrival | None = None

    @property
    def remaining(self) -> int:
        """Shares not filled yet."""
        return self.quantity - self.filled

    @property
    def is_working(self) -> bool:
        """Whether it may still fill."""
        return self.status in WORKING

    @property
    def side(self) -> int:
        """+1 for a buy, -1 for a sell."""
        return 1 if self.action == "BUY" else -1


class Execution(BaseModel):
    """One fill; the list of all of them is the permanent trade log."""

    model_config = ConfigDict(extra="forbid")

    exec_id: str
    time: datetime
    client_id: int
    order_id: int
    perm_id: int
    account: str
    symbol: str
    side: Literal["BOT", "SLD"]
    quantity: int
    price: Decimal
    cumulative: int
    average_price: Decimal
    exchange: str
    ref: str = ""
    commission: Decimal
    realized: Decimal | None = None
    commission_reported: bool = False
