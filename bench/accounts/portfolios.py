"""What a measurement starts from: accounts of ten targets that each need five to ten orders, and their gateway."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import yaml

SYMBOLS: Final = (
    "QQQ", "SPY", "BND", "GLD", "EDC", "TLT", "IWM", "VTI", "VEA", "VWO",
    "XLK", "XLF", "XLE", "XLV", "XLU", "XLP", "XLI", "XLB", "XLY", "SCHD",
)  # fmt: skip
TARGETS: Final = 10
"""Symbols of each strategy."""

STRATEGIES: Final = tuple(f"strategy-{number}" for number in range(1, 5))
"""Four strategies of ten out of twenty symbols: they overlap, as published ones do."""

LARGE: Final = "large-"
"""How the strategy of one large account begins; then follows how many symbols it has, each of its own."""

CASH_STRATEGY: Final = "six-from-cash"
"""The strategy of accounts that begin with cash alone: six equal targets."""

CASH_TARGETS: Final = 6

NET_LIQUIDATION: Final = 200_000
"""US dollars in each account."""

LATENCY: Final = {"request": 0.04, "ack": 0.06, "fill": [0.3, 3.0], "commission": 0.05, "account_values": 1.0}
"""Seconds. Request, acknowledgement and fills as the real gateway was seen to take; see docs/performance.md."""


@dataclass(frozen=True)
class Portfolio:
    """One account of a measurement: cash in US dollars, whole shares held, and the strategy it follows."""

    account: str
    strategy: str
    cash: Decimal
    holdings: Mapping[str, int]


def price_of(symbol: str) -> Decimal:
    """A price in US dollars between 20 and 400, the same every time."""
    if symbol not in SYMBOLS:
        return Decimal("20.50")
    return Decimal(31 + 19 * SYMBOLS.index(symbol)) + Decimal("0.50")


def weights_of(strategy: str) -> dict[str, float]:
    """The published weights: ten symbols with a tenth each; for a large account more, with less; six from cash."""
    if strategy.startswith(LARGE):
        count = int(strategy.removeprefix(LARGE))
        return {f"L{number:03}": round(1 / count, 6) for number in range(count)}
    if strategy == CASH_STRATEGY:
        return {symbol: round(1 / CASH_TARGETS, 6) for symbol in SYMBOLS[:CASH_TARGETS]}
    start = 3 * STRATEGIES.index(strategy)
    return {SYMBOLS[(start + number) % len(SYMBOLS)]: 0.1 for number in range(TARGETS)}


def large_portfolio(orders: int) -> Portfolio:
    """One account with so many symbols, every one of them away from its target: half are sold, half are bought."""
    strategy, target = f"{LARGE}{orders}", 10 * NET_LIQUIDATION * 0.99 / orders
    shares = [int(target * (1.4 if number % 2 else 0.6) / 20.5) for number in range(orders)]
    holdings = dict(zip(weights_of(strategy), shares, strict=True))
    return Portfolio("DU9000000", strategy, 10 * NET_LIQUIDATION - Decimal("20.50") * sum(shares), holdings)


def cash_portfolios(count: int) -> tuple[Portfolio, ...]:
    """So many accounts of cash and six targets each: the case in which the original's own code was run."""
    return tuple(
        Portfolio(f"DU{number:07}", CASH_STRATEGY, Decimal(NET_LIQUIDATION), {}) for number in range(1, count + 1)
    )


def portfolios(count: int, seed: int, orders: int | None = None) -> tuple[Portfolio, ...]:
    """So many accounts, each with five to ten (or exactly ``orders``) of its ten lines away from target."""
    chance = random.Random(seed)
    return tuple(_portfolio(number, chance, orders) for number in range(1, count + 1))


def _portfolio(number: int, chance: random.Random, orders: int | None) -> Portfolio:
    strategy = STRATEGIES[number % len(STRATEGIES)]
    target = NET_LIQUIDATION * 0.99 / TARGETS
    symbols = list(weights_of(strategy))
    chance.shuffle(symbols)
    astray = symbols[: orders or 5 + number % 6]
    values = dict.fromkeys(symbols, target)
    for above, below in zip(astray[::2], astray[1::2], strict=False):
        moved = target * chance.uniform(0.2, 0.7)
        values[above] += moved
        values[below] -= moved
    if len(astray) % 2:
        values[astray[-1]] -= target * chance.uniform(0.2, 0.7)  # bought from idle cash
    holdings = {symbol: int(value / float(price_of(symbol))) for symbol, value in values.items()}
    worth = sum((price_of(symbol) * shares for symbol, shares in holdings.items()), Decimal(0))
    return Portfolio(f"DU{number:07}", strategy, Decimal(NET_LIQUIDATION) - worth, holdings)


def write_accounts(
    path: Path, chosen: Sequence[Portfolio], more: Mapping[str, Any], gateways: Sequence[str | None] = (None,)
) -> None:
    """The application's configuration; small drifts are left alone, so that the orders are those that were meant.

    The margin check is off: it asks about every order beforehand, one more message each.
    """
    accounts = [
        {"account_id": own.account, "strategy_name": own.strategy, "cash_reserve_percent": 1,
         "tolerance_percent": 0.01 if own.strategy.startswith(LARGE) else 1,
         "margin_check": False, "gateway": gateways[number % len(gateways)]}
        for number, own in enumerate(chosen)
    ]  # fmt: skip
    path.write_text(yaml.safe_dump({"accounts": accounts, **more}), encoding="utf-8")


def write_scenario(path: Path, chosen: Sequence[Portfolio]) -> None:
    """What the gateway stand-in starts from: a market that never closes, the latencies above, 50 messages a second."""
    symbols = [*SYMBOLS, *(symbol for own in chosen if own.strategy.startswith(LARGE) for symbol in own.holdings)]
    scenario = {
        "hours": "always_open",
        "latency": LATENCY,
        "pacing": {"per_second": 50, "capacity": 50, "violations": 3},
        "accounts": [{"account": own.account, "cash": str(own.cash), "holdings": dict(own.holdings)} for own in chosen],
        "instruments": [{"symbol": symbol, "price": str(price_of(symbol))} for symbol in symbols],
    }
    path.write_text(yaml.safe_dump(scenario), encoding="utf-8")
