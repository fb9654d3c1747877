"""An account, a market and a plan, as the tests of orders make them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from rebalancing.accounts import Account
from rebalancing.market.snapshot import AccountSnapshot, ContractDetails, Quote
from rebalancing.market.trading_hours import TradingSession
from rebalancing.orders.order import LegOrder, Side
from rebalancing.orders.order_terms import (
    leg_order,
)
from rebalancing.planner.plan import Plan, PlanAfter, PlannedOrder

MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
NOON = MONDAY.replace(hour=17)
"""12:00 in New York; the session runs from 14:30 to 21:00 UTC."""

FRESHNESS = timedelta(seconds=60)

CLOSE, NEXT_OPEN = MONDAY.replace(hour=21), MONDAY.replace(day=24, hour=14, minute=30)
SESSIONS = (
    TradingSession(opens_at=MONDAY.replace(hour=14, minute=30), closes_at=CLOSE),
    TradingSession(opens_at=NEXT_OPEN, closes_at=CLOSE.replace(day=24)),
)


def quote(symbol: str = "SPY", bid: str | None = "99.99", ask: str | None = "100.01", last: str = "100") -> Quote:
    """Prices of one symbol."""
    return Quote.model_validate({"symbol": symbol, "bid": bid, "ask": ask, "last": last, "at": NOON})


def account(policy: dict[str, Any] | None = None, **by_symbol: dict[str, Any]) -> Account:
    """An account with this policy."""
    return Account.model_validate(
        {
            "account_id": "DU1",
            "strategy_name": "s",
            "type": "paper",
            "order_policy": policy or {},
            "symbol_order_policies": by_symbol,
        }
    )


def snapshot(*symbols: str, exchange: str = "ARCA", min_tick: str = "0.01", **more: Any) -> AccountSnapshot:
    """An account and the market."""
    return AccountSnapshot(
        account="DU1",
        taken_at=NOON,
        cash=Decimal(100_000),
        positions={},
        contracts={
            symbol: ContractDetails(
                symbol=symbol,
                con_id=1,
                primary_exchange=exchange,
                min_tick=Decimal(min_tick),
                sessions=SESSIONS,
            )
            for symbol in symbols
        },
        quotes=more.pop("quotes", {symbol: quote(symbol) for symbol in symbols}),
        **more,
    )


def planned(symbol: str = "SPY", side: Side = Side.BUY, quantity: int = 10) -> PlannedOrder:
    """One line of a plan."""
    return PlannedOrder(symbol=symbol, side=side, quantity=quantity, estimated_value=Decimal(1000), reason="test")


def plan(*orders: PlannedOrder) -> Plan:
    """A plan of these orders."""
    after = PlanAfter(cash=Decimal(0), weights={}, drift=Decimal(0))
    return Plan(orders=orders, base=Decimal(1), reserve=Decimal(0), targets={}, after=after)


def sent(own: Account, order: PlannedOrder, market: AccountSnapshot, at: datetime = NOON) -> LegOrder:
    """The order that goes out."""
    return leg_order(own, "rb-1-1-1", order, market, at, FRESHNESS)
