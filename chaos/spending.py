"""Whether cash stayed at the reserve (promise P5), as far as that is the application's doing. Pure.

Buys are sized so that cash is at the reserve or above it, by prices as they were read, each with a cushion. Then they
are market orders: each fills at the price there is, and what was read is good for ``freshness`` seconds. So cash may be
below the reserve by what the fills of a leg cost more than at the lowest prices that its plan may have been made by,
and by nothing else. Those are the prices of this very run: what they were from the reading until the fill. In the end
prices have been at rest since before the last reading, so that only a spread is left.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from chaos.evidence import BrokerExecution, Evidence
from chaos.findings import Books, Kind, Violation
from rebalancing.orders.order import Side

QUOTE_AGE: Final = timedelta(seconds=6)
"""How much older than the reading of the account a quote may be that the application shares among accounts."""

AT_REST: Final = Decimal("0.002")
"""Share of the account by which market orders may miss their quotes where prices are at rest: spreads."""


def overspent(evidence: Evidence, books: Books) -> Iterator[Violation]:
    """After no fill was cash further below the reserve than prices took it, nor is it in the end, where they rest."""
    for account in books.cash:
        yield from _below_reserve(account, evidence, books)
        own = evidence.broker.accounts[account]
        floor = own.net_liquidation * (books.reserve_percent / 100 - AT_REST)
        if own.cash < floor:
            yield Violation(Kind.OVERSPENT, f"the cash of {account} is {own.cash:.2f}, its reserve {floor:.2f}")


def _below_reserve(account: str, evidence: Evidence, books: Books) -> Iterator[Violation]:
    """One violation for a leg, at its worst."""
    lowest = _Lowest(evidence, books)
    cash, shares = books.cash[account], defaultdict[str, int](int, books.holdings[account])
    missed: dict[str, Decimal] = defaultdict(Decimal)
    worst: dict[str, tuple[Decimal, str]] = {}
    for fill in evidence.broker.executions:
        if fill.account != account:
            continue
        cash += fill.cash_flow
        shares[fill.symbol] += fill.quantity if fill.side is Side.BUY else -fill.quantity
        if fill.side is not Side.BUY:
            continue
        leg, since = _leg_of(fill.ref), lowest.read_at(fill)
        missed[leg] += fill.quantity * (fill.price - lowest.price(fill.symbol, since, fill))
        worth = cash + sum(held * lowest.price(symbol, since, fill) for symbol, held in shares.items() if held)
        short = worth * books.reserve_percent / 100 - missed[leg] - cash
        if short > max(Decimal(0), worst.get(leg, (Decimal(0), ""))[0]):
            worst[leg] = (
                short,
                f"the cash of {account} was {cash:.2f} after {fill.ref}: prices cost {missed[leg]:.2f} at most, which "
                f"leaves {short:.2f} that its reserve was short of",
            )
    for _, text in worst.values():
        yield Violation(Kind.OVERSPENT, text)


class _Lowest:
    """The lowest prices that a fill may have been planned by."""

    def __init__(self, evidence: Evidence, books: Books) -> None:
        self._prices = evidence.prices
        self._books = books
        self._placed = {order.ref: order.placed_at for order in evidence.broker.orders}
        self._taken = {ref: each.taken_at for run in evidence.runs for ref, each in run.figures.items()}

    def read_at(self, fill: BrokerExecution) -> datetime:
        """When the oldest quote may have been read that the fill was planned by; where no history tells any more, as
        long before the order was placed as its figures may be old."""
        taken = self._taken.get(fill.ref)
        if taken is None:
            taken = self._placed.get(fill.ref, fill.at) - self._books.freshness
        return taken - QUOTE_AGE

    def price(self, symbol: str, since: datetime, fill: BrokerExecution) -> Decimal:
        """The lowest one from then until the fill; at most what it filled at, as far as that is its own."""
        noted = self._prices.lowest(symbol, since, fill.at)
        lowest = self._books.start_prices[symbol] if noted is None else noted
        return min(lowest, fill.price) if symbol == fill.symbol else lowest


def _leg_of(ref: str) -> str:
    """The run and the leg that an order ref is made of."""
    return ref.rsplit("-", 2)[0]
