"""Drift: how far weights are from their targets, as half the sum of all distances (half-L1), in percent.

Cash counts as a weight among the others. So weights and targets add up to the same, what exceeds its target is as much
as what falls short of it, and the drift is the part of the account that is in the wrong place.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal


def drift(gaps: Iterable[Decimal], base: Decimal = Decimal(1)) -> Decimal:
    """The drift of a portfolio of which every part, cash among them, is off its target by so much of ``base``."""
    return 50 * sum(map(abs, gaps), Decimal(0)) / base


def drift_between(weights: Mapping[str, Decimal], targets: Mapping[str, Decimal]) -> Decimal:
    """The drift of these weights; cash is a symbol of both, and what one of them does not name is 0 there."""
    none = Decimal(0)
    return drift(targets.get(symbol, none) - weights.get(symbol, none) for symbol in {*weights, *targets})
