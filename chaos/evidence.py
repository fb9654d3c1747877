"""What is known at the end of a run: the gateway's own ledger, and what Temporal has of the application's word."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from chaos.price_log import PriceLog
from rebalancing.freshness import Figures
from rebalancing.orders.order import OrderReport, Side
from rebalancing.outcomes import Outcome
from rebalancing.triggers import EventRing


@dataclass(frozen=True)
class BrokerOrder:
    """An order as the gateway has it; quantities in whole shares."""

    ref: str
    account: str
    symbol: str
    side: Side
    quantity: int
    status: str
    perm_id: int
    placed_at: datetime

    @property
    def is_accepted(self) -> bool:
        """Whether it could trade: ``Inactive`` is a refusal."""
        return self.status != "Inactive"

    @property
    def is_over(self) -> bool:
        """Whether the gateway will do nothing more with it."""
        return self.status in ("Filled", "Cancelled", "ApiCancelled", "Inactive")


@dataclass(frozen=True)
class BrokerExecution:
    """One fill; amounts in US dollars."""

    ref: str
    account: str
    symbol: str
    side: Side
    quantity: int
    price: Decimal
    commission: Decimal
    at: datetime

    @property
    def cash_flow(self) -> Decimal:
        """What it brought into the account."""
        value = self.quantity * self.price
        return (value if self.side is Side.SELL else -value) - self.commission


@dataclass(frozen=True)
class BrokerAccount:
    """An account's books; amounts in US dollars."""

    cash: Decimal
    positions: Mapping[str, int]
    net_liquidation: Decimal


@dataclass(frozen=True)
class Broker:
    """The gateway's own ledger. Executions in the order they happened, prices in US dollars."""

    orders: tuple[BrokerOrder, ...]
    executions: tuple[BrokerExecution, ...]
    accounts: Mapping[str, BrokerAccount]
    prices: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])

    def filled(self, ref: str) -> int:
        """Shares that were filled for this ref."""
        return sum(each.quantity for each in self.executions if each.ref == ref)


@dataclass(frozen=True)
class Run:
    """One workflow run as its history tells it.

    ``account`` is that of its workflow id. ``intents`` are the refs it reserved ids for, ``figures`` what each was
    sized by, ``traded`` the accounts they are for; ``reports`` the last report of each, ``carried`` the events that it
    completed, ``outcome`` what it told in the end, if it closed with one.
    """

    account: str
    run_id: str
    status: str
    intents: frozenset[str] = frozenset()
    reports: Mapping[str, OrderReport] = field(default_factory=dict[str, OrderReport])
    carried: frozenset[str] = frozenset()
    outcome: Outcome | None = None
    failure: str = ""
    figures: Mapping[str, Figures] = field(default_factory=dict[str, Figures])
    traded: frozenset[str] = frozenset()


@dataclass(frozen=True)
class AccountWord:
    """What Temporal has of an account: its remembered events, and where its last run stands."""

    events: EventRing
    is_running: bool
    phase: str
    detail: str = ""
    last_outcome: Outcome | None = None


@dataclass(frozen=True)
class Question:
    """An order whose fate the application asked an operator about, and what the broker's ledger said then."""

    account: str
    ref: str
    reason: str
    order: BrokerOrder | None
    filled: int = 0
    asked_at: datetime | None = None


@dataclass(frozen=True)
class PowerLoss:
    """What Temporal knew was put back at ``back_at`` to what it was at ``copied_at``."""

    copied_at: datetime
    back_at: datetime


@dataclass(frozen=True)
class Evidence:
    """Everything the checks look at.

    ``new_days`` are the moments at which the broker's date changed, ``prices`` what they were in the run, and
    ``takeovers`` how often a worker took the gateway over from a frozen one.
    """

    broker: Broker
    runs: tuple[Run, ...]
    accounts: Mapping[str, AccountWord]
    questions: tuple[Question, ...] = ()
    losses: tuple[PowerLoss, ...] = ()
    new_days: tuple[datetime, ...] = ()
    prices: PriceLog = field(default_factory=PriceLog)
    takeovers: int = 0


def broker_of(accounts: Any, orders: Any, executions: Any) -> Broker:
    """The ledger from the control port's answers."""
    return Broker(
        orders=tuple(order_of(each) for each in orders),
        executions=tuple(
            BrokerExecution(
                ref=str(each["ref"]),
                account=str(each["account"]),
                symbol=str(each["symbol"]),
                side=Side.BUY if each["side"] == "BOT" else Side.SELL,
                quantity=int(each["quantity"]),
                price=Decimal(str(each["price"])),
                commission=Decimal(str(each["commission"])),
                at=datetime.fromisoformat(str(each["time"])),
            )
            for each in executions
        ),
        accounts={
            name: BrokerAccount(
                cash=Decimal(str(own["cash"])),
                positions={str(symbol): int(shares) for symbol, shares in own["positions"].items()},
                net_liquidation=Decimal(str(own["net_liquidation"])),
            )
            for name, own in accounts.items()
        },
        prices={symbol: Decimal(str(price)) for own in accounts.values() for symbol, price in own["prices"].items()},
    )


def order_of(each: Any) -> BrokerOrder:
    """One order from the control port's answer."""
    return BrokerOrder(
        ref=str(each["ref"]),
        account=str(each["account"]),
        symbol=str(each["symbol"]),
        side=Side(each["action"]),
        quantity=int(each["quantity"]),
        status=str(each["status"]),
        perm_id=int(each["perm_id"]),
        placed_at=datetime.fromisoformat(str(each["placed_at"])),
    )
