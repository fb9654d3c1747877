"""What a check says, and what it needs to know beside the evidence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum

from testbed.portfolios import Portfolio


class Kind(StrEnum):
    """What a violation is counted as in the summary."""

    DUPLICATED = "duplicated"
    LOST = "lost"
    STUCK = "stuck"
    OVERSPENT = "overspent"
    MISREPORTED = "misreported"
    STALE = "stale"


@dataclass(frozen=True)
class Violation:
    """One check that failed, in words."""

    kind: Kind
    text: str


@dataclass(frozen=True)
class Books:
    """What the accounts began with, cash and prices in US dollars; the reserve in percent; and who follows what.

    ``freshness`` is for how long the application may send orders by what it read.
    """

    cash: Mapping[str, Decimal]
    strategies: Mapping[str, str]
    reserve_percent: Decimal
    holdings: Mapping[str, Mapping[str, int]]
    start_prices: Mapping[str, Decimal]
    freshness: timedelta


def books_of(
    portfolios: Sequence[Portfolio], start_prices: Mapping[str, Decimal], reserve_percent: Decimal, freshness: float
) -> Books:
    """The books of accounts that begin like this; ``freshness`` in seconds."""
    return Books(
        cash={own.account: own.cash for own in portfolios},
        strategies={own.account: own.strategy for own in portfolios},
        reserve_percent=reserve_percent,
        holdings={own.account: own.holdings for own in portfolios},
        start_prices=start_prices,
        freshness=timedelta(seconds=freshness),
    )
