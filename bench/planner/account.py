"""A portfolio in plain numbers, and where given shares would take it; shared by all that is compared.

This restates the task from its description and uses nothing of the planner but the form of its request.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from rebalancing.planner.plan import PlanRequest


@dataclass(frozen=True)
class Account:
    """Money in US dollars, ``held`` in shares. ``target_values`` hold every symbol; an exit's is 0."""

    cash: Decimal
    reserve: Decimal
    base: Decimal
    commission: Decimal
    held: Mapping[str, int]
    prices: Mapping[str, Decimal]
    worst_prices: Mapping[str, Decimal]
    target_values: Mapping[str, Decimal]

    @classmethod
    def of(cls, request: PlanRequest) -> "Account":
        """The account of a request: long positions, targets that add up to 1, no further rules."""
        held = {symbol: request.positions.get(symbol, 0) for symbol in request.prices}
        worth = request.cash + sum(request.prices[symbol] * shares for symbol, shares in held.items())
        reserve = worth * request.reserve_percent / 100
        return cls(
            cash=request.cash,
            reserve=reserve,
            base=worth - reserve,
            commission=request.commission_per_order,
            held=held,
            prices=request.prices,
            worst_prices={symbol: request.buy_price(symbol) for symbol in held},
            target_values={symbol: (worth - reserve) * request.targets.get(symbol, Decimal(0)) for symbol in held},
        )

    def drift(self, shares: Mapping[str, int]) -> Decimal:
        """Half-L1 distance from the targets, cash included, in percent of the base; commissions left out."""
        gaps = sum(abs(self.target_values[s] - shares[s] * self.prices[s]) for s in self.held)
        idle = abs(self.cash_at(shares, self.prices) - self.reserve)
        return 50 * (gaps + idle) / self.base

    def cash_at(self, shares: Mapping[str, int], buy_prices: Mapping[str, Decimal]) -> Decimal:
        """The cash after trading to these shares, commissions left out; sells fill at the valuation price."""
        bought = sum(max(shares[s] - held, 0) * buy_prices[s] for s, held in self.held.items())
        sold = sum(max(held - shares[s], 0) * self.prices[s] for s, held in self.held.items())
        return self.cash - bought + sold

    def cash_left(self, shares: Mapping[str, int]) -> Decimal:
        """The cash after commissions with every buy at its worst price."""
        return self.cash_at(shares, self.worst_prices) - self.commissions(shares)

    def commissions(self, shares: Mapping[str, int]) -> Decimal:
        """One commission for each symbol that is traded."""
        return self.commission * sum(shares[s] != held for s, held in self.held.items())
