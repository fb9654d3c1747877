"""What measurements start from, drawn from a seed: whole accounts at a gateway, and requests to the planner.

Two ways of drifting, on purpose. ``portfolios`` moves exactly as many lines from their targets as orders are wanted,
far enough for each to be one: what is measured is the time that orders take. ``drifted_portfolio`` lets every line
drift as markets do, by little or much: what is measured is how near to the targets whole shares can come.
"""

import random
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from rebalancing.planner.plan import PlanRequest
from testbed.installation import GATEWAY
from testbed.portfolios import Portfolio, write_accounts, write_scenario

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


def write_start(
    folder: Path, chosen: Sequence[Portfolio], settings: Mapping[str, Any], gateways: Sequence[str | None]
) -> None:
    """What application and gateways read when they start; the accounts are dealt out to the gateways.

    Small drifts are left alone, so that the orders are those that were meant. The margin check is off: it asks about
    every order beforehand, one more message each.
    """
    accounts = [
        {"account_id": own.account, "strategy_name": own.strategy, "cash_reserve_percent": 1,
         "tolerance_percent": 0.01 if own.strategy.startswith(LARGE) else 1,
         "margin_check": False, "gateway": gateways[number % len(gateways)]}
        for number, own in enumerate(chosen)
    ]  # fmt: skip
    write_accounts(folder / "accounts.yaml", accounts, settings)
    for number, name in enumerate(gateways):
        write_gateway(folder, chosen[number :: len(gateways)], name)


def write_gateway(folder: Path, chosen: Sequence[Portfolio], name: str | None = None) -> None:
    """What a gateway stand-in starts from: these accounts, the latencies above, 50 messages a second."""
    symbols = [*SYMBOLS, *(symbol for own in chosen if own.strategy.startswith(LARGE) for symbol in own.holdings)]
    pacing = {"per_second": 50, "capacity": 50, "violations": 3}
    prices = {symbol: price_of(symbol) for symbol in symbols}
    write_scenario(folder / f"{name or GATEWAY}.yaml", chosen, prices, latency=LATENCY, pacing=pacing)


# --- requests to the planner ---------------------------------------------------------------------------------------

RESERVE_PERCENT = Decimal(1)
CENT = Decimal("0.01")
WEIGHT_PLACES = Decimal("0.0001")

FEWEST_NAMES, MOST_NAMES = 4, 12
CHEAPEST, DEAREST = 20.0, 600.0
"""Prices in US dollars, drawn evenly."""

SHARE_WITH_EXIT = 0.3
"""How many portfolios hold a name that has no target any more ..."""

SHARE_WITH_ENTRY = 0.4
"""... and how many have a target that is not held yet."""

DRIFT = 0.25
"""Standard deviation of the logarithm of held over targeted weight."""

MOST_CASH = 0.05
"""Cash is drawn evenly from nothing to this share of the account."""


def drifted_portfolio(chance: random.Random, size: int, names: int | None = None) -> PlanRequest:
    """A portfolio worth ``size`` US dollars, of 4 to 12 names unless their number is given."""
    count = names or chance.randint(FEWEST_NAMES, MOST_NAMES)
    symbols = [f"S{number:03}" for number in range(count)]
    targets = _drawn_weights(chance, symbols)
    held = {symbol: float(weight) * chance.lognormvariate(0, DRIFT) for symbol, weight in targets.items()}
    if chance.random() < SHARE_WITH_ENTRY:
        held[chance.choice(symbols)] = 0.0
    if chance.random() < SHARE_WITH_EXIT:
        held["EXIT"] = chance.uniform(0.02, 0.15)
    prices = {symbol: Decimal(chance.uniform(CHEAPEST, DEAREST)).quantize(CENT) for symbol in held}
    invested = size * (1 - chance.uniform(0, MOST_CASH)) / sum(held.values())
    positions = {symbol: int(invested * weight / float(prices[symbol])) for symbol, weight in held.items()}
    return PlanRequest(
        cash=size - sum((prices[symbol] * shares for symbol, shares in positions.items()), Decimal(0)),
        positions=positions,
        prices=prices,
        targets=targets,
        reserve_percent=RESERVE_PERCENT,
    )


def _drawn_weights(chance: random.Random, symbols: list[str]) -> dict[str, Decimal]:
    """Weights that add up to exactly 1, the largest about three times the smallest."""
    drawn = [chance.uniform(0.5, 1.5) for _ in symbols]
    weights = {s: Decimal(share / sum(drawn)).quantize(WEIGHT_PLACES) for s, share in zip(symbols, drawn, strict=True)}
    weights[symbols[0]] += 1 - sum(weights.values())
    return weights
