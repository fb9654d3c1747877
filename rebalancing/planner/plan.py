"""What goes into the planner and what comes out of it."""

import hashlib
import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Annotated, Self, cast

from pydantic import Field, field_validator, model_validator

from rebalancing.base import FrozenModel, Money, Weight
from rebalancing.errors import RebalancerError
from rebalancing.funding.cash_standing import CashStanding
from rebalancing.market.snapshot import PRICE_CUSHION, QuoteKind
from rebalancing.orders.order import Side
from rebalancing.planner.reasons import Reason
from rebalancing.planner.trading_rules import TradingRules

CASH_SYMBOL = "CASH"
"""Names the part of the base that stays cash, where symbols are listed; it is never traded."""

SUM_TOLERANCE = Decimal("0.01")
"""How far published weights may miss a sum of 1; a publisher rounds each of them."""

DEFAULT_RESERVE_PERCENT = Decimal(1)
"""The cash reserve of an account that names none, in percent of its net liquidation value."""

DEFAULT_COMMISSION = Decimal(1)
"""What one order is taken to cost in US dollars: the minimum of IBKR's fixed pricing."""

HASH_DIGITS = 12
"""So many hex digits name a plan: short enough to read out, and no two plans of an account will ever share them."""

Fraction = Annotated[Decimal, Field(gt=-1, lt=1)]
"""A part of one share."""


class PriceInvalid(RebalancerError):
    """A symbol has no price, or one that is no positive finite number.

    Do: look at the symbol's price in TWS; trigger it again when it has one.
    """


class PlanImpossible(RebalancerError):
    """The portfolio cannot be planned for: the weights exceed the whole, or nothing is left to invest.

    Do: correct the weights, or fund the account, as the message says; ``rebalancer plan ACCOUNT`` tries it without
    trading.
    """


class PlanRequest(TradingRules):
    """Everything the planner looks at. Money in US dollars, positions in whole shares (negative: short).

    ``prices`` value a holding; ``buy_prices`` are what a share may cost at worst (ask with cushion) and default to the
    price with ``PRICE_CUSHION`` on top. ``quote_kinds`` says how fresh they are (else live). ``targets``
    are shares of the base; what they leave of 1 is a cash target, and a ``CASH`` entry may say so in as many words.
    Symbols in ``held_out`` are neither traded nor counted.

    ``fractions`` holds what an account has of a symbol besides whole shares: it is valued, but cannot be traded (IBKR
    refuses fractions through the API, error 10243). ``replaced`` names what stands in for a symbol the account may not
    hold; the targets have it already. ``traded_value`` is what earlier legs of the same rebalance traded: it counts
    towards the maximum turnover.

    Raises ``PriceInvalid`` for a price that is missing or not a positive number, ``PlanImpossible`` for weights whose
    sum is above 1.01.
    """

    cash: Money
    positions: dict[str, int]
    prices: dict[str, Money]
    buy_prices: dict[str, Money] = {}
    quote_kinds: dict[str, QuoteKind] = {}
    targets: dict[str, Weight]
    reserve_percent: Decimal = Field(default=DEFAULT_RESERVE_PERCENT, ge=0, lt=100)
    fractions: dict[str, Fraction] = {}
    replaced: dict[str, str] = {}
    traded_value: Money = Field(default=Decimal(0), ge=0)
    commission_per_order: Money = Field(default=DEFAULT_COMMISSION, ge=0)

    @field_validator("prices", "buy_prices", mode="before")
    @classmethod
    def _positive_prices(cls, value: object) -> object:
        if isinstance(value, Mapping):
            for symbol, price in cast("Mapping[object, object]", value).items():
                _require_positive(str(symbol), price)
        return value

    @field_validator("targets")
    @classmethod
    def _at_most_the_whole(cls, targets: dict[str, Decimal]) -> dict[str, Decimal]:
        total = sum(targets.values(), Decimal(0))
        if total > 1 + SUM_TOLERANCE:
            raise PlanImpossible(f"The target weights add up to {total}; at most {1 + SUM_TOLERANCE} is allowed.")
        return targets

    @model_validator(mode="after")
    def _every_price_known(self) -> Self:
        for symbol in self.managed_symbols:
            if symbol not in self.prices:
                raise PriceInvalid(f"{symbol} has no price: it is held or targeted and cannot be valued without one.")
        return self

    @property
    def managed_symbols(self) -> tuple[str, ...]:
        """The symbols held or targeted, in alphabetical order, without cash and what is held out."""
        held = {symbol for holdings in (self.positions, self.fractions) for symbol, held in holdings.items() if held}
        wanted = {symbol for symbol, weight in self.targets.items() if weight and symbol != CASH_SYMBOL}
        return tuple(sorted((held | wanted) - self.held_out))

    def shares(self, symbol: str) -> Decimal:
        """What is held of the symbol, fractions of a share included; negative for a short position."""
        return self.positions.get(symbol, 0) + self.fractions.get(symbol, Decimal(0))

    @property
    def worth(self) -> Decimal:
        """The cash and all that is managed, at its prices."""
        return self.cash + sum((self.prices[s] * self.shares(s) for s in self.managed_symbols), Decimal(0))

    @property
    def total_targeted(self) -> Decimal:
        """What the targets add up to; rounding may take them above 1, and they are scaled down by it then."""
        return max(sum(self.targets.values(), Decimal(0)), Decimal(1))

    @property
    def managed_targets(self) -> dict[str, Decimal]:
        """The targets of what is managed, without cash and what is held out, by symbol in alphabetical order."""
        total, managed = self.total_targeted, set(self.managed_symbols) - {CASH_SYMBOL}
        return {s: weight / total for s, weight in sorted(self.targets.items()) if weight and s in managed}

    def buy_price(self, symbol: str) -> Decimal:
        """What one share may cost at worst; never below the price it is valued at."""
        price = self.prices[symbol]
        return max(price, self.buy_prices.get(symbol, price * (1 + PRICE_CUSHION)))


class PlannedOrder(FrozenModel):
    """One order of a plan. ``estimated_value`` is quantity × valuation price, in US dollars."""

    symbol: str
    side: Side
    quantity: int = Field(gt=0)
    estimated_value: Money
    reason: str


class PlanLine(FrozenModel):
    """One symbol of a plan and what becomes of it. Weights are shares of the base, ``None`` where none is counted.

    ``change`` is in whole shares, negative for a sale; ``fraction`` is what is held besides and stays. ``details`` puts
    numbers to the reason. ``quote`` is how fresh the price is that the line was planned with.
    """

    symbol: str
    held: int
    fraction: Decimal = Decimal(0)
    change: int = 0
    target: Decimal | None = None
    before: Decimal | None = None
    after: Decimal | None = None
    reason: Reason
    details: str = ""
    quote: QuoteKind = QuoteKind.LIVE

    @property
    def explanation(self) -> str:
        """Reason and details as one phrase."""
        return f"{self.reason.value}: {self.details}" if self.details else self.reason.value


class PlanAfter(FrozenModel):
    """Where the plan leads if every order fills at its valuation price and pays its commission.

    ``weights`` are shares of the base, without cash. ``idle_cash`` is what is above reserve and cash target, in US
    dollars. ``drift`` is in percent: see ``rebalancing.planner.planning``.
    """

    cash: Money
    idle_cash: Money = Decimal(0)
    weights: dict[str, Decimal]
    drift: Decimal


class Plan(FrozenModel):
    """The orders that take an account to its targets, sells first, and what they lead to.

    ``base`` and ``reserve`` are in US dollars, ``targets`` are shares of the base. ``lines`` says of every symbol that
    is held, targeted, held out or replaced why it is traded or not. ``is_optimal`` is false for a plan that was sized
    greedily because the solver's time was up.
    """

    orders: tuple[PlannedOrder, ...]
    base: Money
    reserve: Money
    targets: dict[str, Decimal]
    after: PlanAfter
    lines: tuple[PlanLine, ...] = ()
    is_optimal: bool = True
    notes: tuple[str, ...] = ()

    @property
    def sells(self) -> tuple[PlannedOrder, ...]:
        """The sell leg."""
        return tuple(order for order in self.orders if order.side is Side.SELL)

    @property
    def buys(self) -> tuple[PlannedOrder, ...]:
        """The buy leg."""
        return tuple(order for order in self.orders if order.side is Side.BUY)

    @property
    def cash_after(self) -> CashStanding:
        """Where the cash stands once it is carried out."""
        target = self.after.cash - self.reserve - self.after.idle_cash
        return CashStanding(cash=self.after.cash, reserve=self.reserve, target=target)

    @property
    def plan_hash(self) -> str:
        """What an approval refers to: the same orders for the same targets have the same hash, whatever the prices.

        The first ``HASH_DIGITS`` hex digits of the SHA-256 of their canonical JSON.
        """
        orders = [[order.side.value, order.quantity, order.symbol] for order in self.orders]
        targets = {symbol: str(weight.normalize()) for symbol, weight in self.targets.items()}
        canonical = json.dumps([sorted(orders), targets], sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:HASH_DIGITS]


def _require_positive(symbol: str, price: object) -> None:
    """Refuse what is no price before the models would refuse it without the symbol's name."""
    try:
        number = Decimal(str(price))
    except InvalidOperation:
        raise PriceInvalid(f"{symbol} has the price {price!r}; a positive number is needed.") from None
    if not number.is_finite() or number <= 0:
        raise PriceInvalid(f"{symbol} has the price {price}; a positive number is needed.")
