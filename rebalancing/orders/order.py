"""Intents, orders and fills (promise P3)."""

import hashlib
from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Final

from pydantic import Field

from rebalancing.base import FrozenModel, Money
from rebalancing.freshness import Figures
from rebalancing.market.snapshot import ReservedIds
from rebalancing.orders.limit_prices import LimitRule
from rebalancing.orders.order_policy import AdaptivePriority

MAX_ORDER_REF = 40
"""The longest order ref known to come back whole from the gateway."""


class Side(StrEnum):
    """The side of an order."""

    BUY = "BUY"
    SELL = "SELL"


class OrderType(StrEnum):
    """The order types this application sends."""

    MARKET = "MKT"
    LIMIT = "LMT"
    MARKET_ON_CLOSE = "MOC"


class LegOrder(FrozenModel):
    """One order of a leg, before an order id is reserved for it.

    ``figures`` is what it was sized by; it is not sent once they are old (promise P11).
    ``limit_price`` is the price it is sent with, ``limit_rule`` how a repricing finds the next one. ``outside_rth``
    lets a limit order trade outside regular hours. ``adaptive_priority`` hands the order to IBKR's Adaptive algorithm.
    """

    ref: str = Field(min_length=1, max_length=MAX_ORDER_REF)
    account: str
    symbol: str
    con_id: int
    side: Side
    quantity: int = Field(gt=0)
    figures: Figures
    order_type: OrderType = OrderType.MARKET
    limit_price: Money | None = None
    limit_rule: LimitRule | None = None
    time_in_force: str = "DAY"
    outside_rth: bool = False
    adaptive_priority: AdaptivePriority | None = None


class Intent(LegOrder):
    """A leg order with everything recovery needs; it is in workflow history before the first byte is sent.

    ``trading_day`` is the gateway's date (US Eastern, ``YYYYMMDD``) when the id was reserved.
    """

    order_id: int = Field(gt=0)
    trading_day: str

    @property
    def position_before(self) -> int:
        """What was held of the symbol when the order was sized, in whole shares."""
        return self.figures.position


def intent_of(order: LegOrder, order_id: int, trading_day: str) -> Intent:
    """The intent of an order under this id."""
    return Intent.model_validate({**dict(order), "order_id": order_id, "trading_day": trading_day})


def intents_under(ids: ReservedIds, orders: Sequence[LegOrder]) -> tuple[Intent, ...]:
    """The intents of these orders, of which there are no more than ids."""
    return tuple(intent_of(order, ids.first + place, ids.trading_day) for place, order in enumerate(orders))


class OrderState(StrEnum):
    """What is known of an intent at the broker.

    ``NOT_SENT``: it was certainly never sent and needs a new order id. ``WITHDRAWN``: it was certainly never sent, and
    is not sent any more, because what it was sized by is old.
    """

    NOT_SENT = "not_sent"
    WITHDRAWN = "withdrawn"
    WORKING = "working"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    UNKNOWN = "unknown"

    @property
    def is_final(self) -> bool:
        """Whether the broker will do nothing more with the order."""
        return self in (OrderState.FILLED, OrderState.CANCELLED, OrderState.REJECTED)


UNSENT: Final = (OrderState.NOT_SENT, OrderState.WITHDRAWN)
"""States of an intent that certainly never became an order."""


class Fill(FrozenModel):
    """One execution of an order: whole shares at a price in US dollars. ``commission`` is 0 until it is reported."""

    exec_id: str
    shares: int
    price: Money
    commission: Money = Decimal(0)


class OrderReport(FrozenModel):
    """What became of one intent. ``filled`` and ``commission`` are counted from executions, once per execution id.

    ``limit_price`` is the limit the broker last reported for it. ``fills`` are told once the order is over.
    """

    ref: str
    symbol: str
    side: Side
    quantity: int
    state: OrderState
    filled: int = 0
    average_price: Money = Decimal(0)
    commission: Money = Decimal(0)
    order_type: OrderType = OrderType.MARKET
    limit_price: Money | None = None
    reason: str = ""
    fills: tuple[Fill, ...] = ()

    @property
    def cash_flow(self) -> Money:
        """What the fills brought into the account (negative for buys), commissions taken off."""
        value = self.filled * self.average_price
        return (value if self.side is Side.SELL else -value) - self.commission


def order_ref(run_id: str, leg: int, number: int, *content: object) -> str:
    """The deterministic ref of an intent: the same step of the same run always has the same ref.

    ``run_id`` is the run's original id, which survives a workflow reset. ``content`` is what the order is for: a
    history that was rolled back may come to the same step with another order, which must not have the same ref.
    """
    digest = hashlib.sha256("|".join(map(str, content)).encode()).hexdigest()[:8]
    return f"rb-{run_id.replace('-', '')[:20]}-{leg}-{number}-{digest}"


def refers_to(reported: str, ref: str) -> bool:
    """Whether a reported order ref is this one; IBKR may append a suffix."""
    if not reported.startswith(ref):
        return False
    rest = reported[len(ref) :]
    return not rest or not rest[0].isdigit()
