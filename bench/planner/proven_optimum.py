"""The optimum, found and proven without a solver: a knapsack with several choices per symbol, in whole numbers.

With a cash target of zero, cash may only be left over, and the half-L1 distance is the base less the sum over all
symbols of ``min(value held, target value)``. So the task reads: choose one quantity per symbol, maximise the sum of
these values, and let the costs (worst prices, commissions, proceeds counting as negative) not exceed the cash above
the reserve.

The symbols are split in two halves. In each, symbols are added one by one to a frontier of states, cost against value;
a state is dropped when another is better in both, or when even the best choice for all other symbols would not bring it
to the value of a plan that is known already. How good that best is, is bounded with a price on cash (Lagrange
relaxation): at that price each symbol is bought to its best quantity regardless of the others. At last every state of
one half is joined with the most valuable state of the other that the cash still reaches for.

All numbers are integers, so the proof has no rounding in it.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from bench.planner.account import Account

UNITS = 10**9
"""Money is counted in billionths of a dollar: more places than price × cushion or base × weight have."""

CASH_PRICES = 10_000
"""The price on cash is tried in steps of a ten-thousandth of its own worth."""


@dataclass(frozen=True)
class _Choices:
    """One symbol in integer units: what a share is worth, costs at worst, and what is targeted."""

    price: int
    worst_price: int
    target: int
    held: int
    commission: int
    must_go: bool

    def value(self, shares: int) -> int:
        return min(shares * self.price, self.target)

    def cost(self, shares: int) -> int:
        change = shares - self.held
        if change == 0:
            return 0
        return change * (self.worst_price if change > 0 else self.price) + self.commission

    def worth(self, shares: int, cash_price: int) -> int:
        """Value less the price of the cash it takes, ``CASH_PRICES`` times."""
        return CASH_PRICES * self.value(shares) - cash_price * self.cost(shares)

    def best_worth(self, cash_price: int) -> int:
        """The largest worth of any quantity: the value grows by whole shares up to the target and not beyond."""
        return max(self.worth(shares, cash_price) for shares in self._corners())

    def good(self, cash_price: int, least: int) -> Iterator[int]:
        """All quantities whose worth is at least this."""
        if self.must_go:
            yield 0
            return
        whole = self.target // self.price
        for shares in range(whole, -1, -1):
            # Fewer shares are worth less, but for the one quantity that needs no order.
            if self.worth(shares, cash_price) + cash_price * self.commission < least:
                break
            if self.worth(shares, cash_price) >= least:
                yield shares
        above = {whole + 1, *range(whole + 1, self.held + 1)}
        yield from (shares for shares in above if self.worth(shares, cash_price) >= least)
        if 0 <= self.held <= whole and self.worth(self.held, cash_price) >= least:
            yield self.held

    def _corners(self) -> set[int]:
        whole = self.target // self.price
        return {0} if self.must_go else {0, whole, whole + 1, self.held}


def proven_optimum(account: Account, known: Mapping[str, int]) -> Decimal:
    """The smallest possible drift, in percent. ``known`` is any plan that keeps the reserve."""
    symbols = {s: _choices(account, s) for s in sorted(account.held, key=lambda s: account.prices[s], reverse=True)}
    spendable = _units(account.cash - account.reserve)
    least = sum(choices.value(known[s]) for s, choices in symbols.items())
    value = _best_value(list(symbols.values()), spendable, least)
    return 100 * (1 - Decimal(value) / UNITS / account.base)


def _best_value(symbols: list[_Choices], spendable: int, least: int) -> int:
    """The largest value that the cash allows; ``least`` is known to be possible."""
    dearest = min(CASH_PRICES * c.price // c.worst_price for c in symbols)

    def bound(cash_price: int) -> int:
        return cash_price * spendable + sum(c.best_worth(cash_price) for c in symbols)

    cash_price = _lowest(bound, dearest)
    slack = bound(cash_price) - CASH_PRICES * least
    one, other = (_frontier(half, cash_price, slack) for half in (symbols[::2], symbols[1::2]))
    best, affordable = least, len(other)
    for cost, value in one:
        affordable = bisect_right(other, spendable - cost, hi=affordable, key=_cost)
        if not affordable:
            break
        best = max(best, value + other[affordable - 1][1])
    return best


def _frontier(symbols: list[_Choices], cash_price: int, slack: int) -> list[tuple[int, int]]:
    """Cost and value of every choice of quantities that may be part of the optimum, by rising cost.

    A choice whose worth misses the best by more than the slack cannot: the other symbols could not make up for it.
    """
    frontier, best = [(0, 0)], 0
    for choices in symbols:
        more = choices.best_worth(cash_price)
        best += more
        options = {(choices.cost(q), choices.value(q)) for q in choices.good(cash_price, more - slack)}
        candidates = sorted(
            ((cost + more_cost, value + more_value) for cost, value in frontier for more_cost, more_value in options),
            key=lambda state: (state[0], -state[1]),
        )
        frontier = _undominated(
            (cost, value) for cost, value in candidates if best - (CASH_PRICES * value - cash_price * cost) <= slack
        )
    return frontier


def _cost(state: tuple[int, int]) -> int:
    return state[0]


def _lowest(bound: Callable[[int], int], highest: int) -> int:
    """Where a convex function of the whole numbers from 0 to ``highest`` is smallest."""
    low, high = 0, highest
    while low < high:
        middle = (low + high) // 2
        if bound(middle) <= bound(middle + 1):
            high = middle
        else:
            low = middle + 1
    return low


def _undominated(states: Iterator[tuple[int, int]]) -> list[tuple[int, int]]:
    """Of states sorted by cost, those that have more value than every cheaper one."""
    kept: list[tuple[int, int]] = []
    for state in states:
        if not kept or state[1] > kept[-1][1]:
            kept.append(state)
    return kept


def _choices(account: Account, symbol: str) -> _Choices:
    target = account.target_values[symbol]
    return _Choices(
        price=_units(account.prices[symbol]),
        worst_price=_units(account.worst_prices[symbol]),
        target=_units(target),
        held=account.held[symbol],
        commission=_units(account.commission),
        must_go=target == 0,
    )


def _units(money: Decimal) -> int:
    units = money * UNITS
    if units != int(units):
        raise ValueError(f"{money} has more places than are counted")
    return int(units)
