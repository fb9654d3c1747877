"""The question the planner asks of its sizing methods: how many steps of each line to hold.

A step is the smallest tradable number of shares of a symbol (one, or a lot). What must be traded anyway is done before
the question is put: lines, cash and turnover here are what is left to decide. Money is in US dollars.

Distances here are half-L1 distances to the targets, cash included, less what no decision can change: values and targets
add up to the same sum, so that distance is the sum of all excesses, that of the cash among them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

ZERO = Decimal(0)


@dataclass(frozen=True)
class Line:
    """One symbol whose quantity is open. Prices are those of a step, quantities are in steps.

    ``target_value`` is the target less what is held beside whole steps, and may so be negative. Quantities lie between
    ``lowest`` and ``highest`` (``None``: as many as one likes). A change is at least ``smallest`` steps, or none; it
    costs a commission unless ``is_ordered``: then an order for the symbol is made anyway, and ``smallest`` is 1.
    """

    symbol: str
    price: Decimal
    buy_price: Decimal
    held: int
    target_value: Decimal
    lowest: int = 0
    highest: int | None = None
    smallest: int = 1
    is_ordered: bool = False

    @property
    def steps_to_target(self) -> int:
        """The target in steps, rounded down; negative where what cannot be traded exceeds it already."""
        return int((self.target_value / self.price).to_integral_value(ROUND_FLOOR))

    @property
    def rounded_down(self) -> int:
        """The allowed quantity closest to the target rounded down."""
        return min(max(self.steps_to_target, self.lowest), self.ceiling)

    @property
    def ceiling(self) -> int:
        """The largest quantity to consider: what is held, or the target rounded up.

        No order is made larger than that only to reach the smallest change.
        """
        useful = max(self.held, self.steps_to_target + 1)
        return useful if self.highest is None else min(useful, self.highest)

    def gap(self, quantity: int) -> Decimal:
        """What is missing to the target value with this many steps; negative when it is exceeded."""
        return self.target_value - quantity * self.price

    def cost(self, quantity: int, commission: Decimal) -> Decimal:
        """What trading to this quantity takes out of the cash at worst; negative for a sale."""
        change = quantity - self.held
        if change == 0:
            return ZERO
        fee = ZERO if self.is_ordered else commission
        return change * (self.buy_price if change > 0 else self.price) + fee

    def narrowed(self, shortfall: Decimal, excess: Decimal) -> "Line":
        """The line without quantities that miss the target by more than that; what is held may be among these."""
        lowest = int(((self.target_value - shortfall) / self.price).to_integral_value(ROUND_CEILING))
        highest = int(((self.target_value + excess) / self.price).to_integral_value(ROUND_FLOOR))
        return replace(self, lowest=max(self.lowest, lowest), highest=min(self.ceiling, highest))

    def allows(self, quantity: int) -> bool:
        """Whether this quantity is within the bounds, and the change to it large enough for an order."""
        is_large = quantity == self.held or abs(quantity - self.held) >= self.smallest
        return is_large and self.lowest <= quantity <= self.ceiling


@dataclass(frozen=True)
class SizingProblem:
    """Lines in alphabetical order of their symbols, and the means to trade them.

    ``spendable`` is the cash above the reserve, ``surplus`` the cash above its target (negative: below), ``turnover``
    the value that may be traded at most.
    """

    lines: Mapping[str, Line]
    spendable: Decimal
    surplus: Decimal
    commission: Decimal
    turnover: Decimal | None = None

    def left(self, quantities: Mapping[str, int]) -> Decimal:
        """The cash above the reserve with these quantities, at worst prices and after commissions."""
        costs = (line.cost(quantities[s], self.commission) for s, line in self.lines.items())
        return self.spendable - sum(costs, ZERO)

    def surplus_after(self, quantities: Mapping[str, int]) -> Decimal:
        """How far the cash ends above its target at valuation prices, commissions left out; negative when below."""
        moved = ((quantities[s] - line.held) * line.price for s, line in self.lines.items())
        return self.surplus - sum(moved, ZERO)

    def distance(self, quantities: Mapping[str, int]) -> Decimal:
        """The half-L1 distance to the targets, less a constant; commissions left out."""
        excesses = (max(-line.gap(quantities[s]), ZERO) for s, line in self.lines.items())
        return sum(excesses, max(self.surplus_after(quantities), ZERO))

    def orders(self, quantities: Mapping[str, int]) -> int:
        """How many orders that takes besides those made anyway."""
        return sum(quantities[s] != line.held and not line.is_ordered for s, line in self.lines.items())

    def traded(self, quantities: Mapping[str, int]) -> Decimal:
        """The value of what is bought and sold, at valuation prices."""
        return sum((abs(quantities[s] - line.held) * line.price for s, line in self.lines.items()), ZERO)

    def allows(self, quantities: Mapping[str, int]) -> bool:
        """Whether cash, turnover and every line allow these quantities."""
        return (
            self.left(quantities) >= 0
            and (self.turnover is None or self.traded(quantities) <= self.turnover)
            and all(line.allows(quantities[s]) for s, line in self.lines.items())
        )

    def narrowed(self, known: Decimal) -> "SizingProblem":
        """The same problem without quantities that are further from the targets than a distance that is possible.

        What lines exceed their targets by is part of the distance; what they fall short of them by is as much, but for
        the constant by which the targets, that of the cash among them, miss what there is to distribute.
        """
        missing = sum((line.gap(line.held) for line in self.lines.values()), -self.surplus)
        return replace(self, lines={s: line.narrowed(known + missing, known) for s, line in self.lines.items()})

    @property
    def unchanged(self) -> dict[str, int]:
        """The quantities as they are."""
        return {symbol: line.held for symbol, line in self.lines.items()}


def smallest_change(minimum_value: Decimal, price: Decimal) -> int:
    """The fewest steps of this price that come to the minimum value; at least one."""
    return max(1, int((minimum_value / price).to_integral_value(ROUND_CEILING)))
