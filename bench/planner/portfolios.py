"""Random portfolios that have drifted from their targets."""

from decimal import Decimal
from random import Random

from rebalancing.planner.plan import PlanRequest

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


def drifted_portfolio(random: Random, size: int, names: int | None = None) -> PlanRequest:
    """A portfolio worth ``size`` US dollars, of 4 to 12 names unless their number is given."""
    count = names or random.randint(FEWEST_NAMES, MOST_NAMES)
    symbols = [f"S{number:03}" for number in range(count)]
    targets = _weights(random, symbols)
    held = {symbol: float(weight) * random.lognormvariate(0, DRIFT) for symbol, weight in targets.items()}
    if random.random() < SHARE_WITH_ENTRY:
        held[random.choice(symbols)] = 0.0
    if random.random() < SHARE_WITH_EXIT:
        held["EXIT"] = random.uniform(0.02, 0.15)
    prices = {symbol: Decimal(random.uniform(CHEAPEST, DEAREST)).quantize(CENT) for symbol in held}
    invested = size * (1 - random.uniform(0, MOST_CASH)) / sum(held.values())
    positions = {symbol: int(invested * weight / float(prices[symbol])) for symbol, weight in held.items()}
    return PlanRequest(
        cash=size - sum((prices[symbol] * shares for symbol, shares in positions.items()), Decimal(0)),
        positions=positions,
        prices=prices,
        targets=targets,
        reserve_percent=RESERVE_PERCENT,
    )


def _weights(random: Random, symbols: list[str]) -> dict[str, Decimal]:
    """Weights that add up to exactly 1, the largest about three times the smallest."""
    drawn = [random.uniform(0.5, 1.5) for _ in symbols]
    weights = {s: Decimal(share / sum(drawn)).quantize(WEIGHT_PLACES) for s, share in zip(symbols, drawn, strict=True)}
    weights[symbols[0]] += 1 - sum(weights.values())
    return weights
