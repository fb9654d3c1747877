"""Whole shares: which quantities come closest to the targets without spending cash that is not there.

Distances here are in US dollars; divided by the base they are weights. All of it is deterministic: symbols are taken in
alphabetical order, ties go to the first.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

ZERO = Decimal(0)

MAX_SWAPS = 200
"""More improvements than that are not looked for; a portfolio rarely has ten."""


@dataclass(frozen=True)
class Holding:
    """One managed symbol. Prices and ``target_value`` in US dollars, ``held`` in shares (negative: short)."""

    symbol: str
    price: Decimal
    buy_price: Decimal
    held: int
    target_value: Decimal

    @property
    def must_trade(self) -> bool:
        """Whether it is traded however little it is worth: an exit, or a short position to cover."""
        return self.held < 0 or (self.held > 0 and self.target_value == 0)

    @property
    def whole_shares(self) -> int:
        """The target in shares, rounded down."""
        return int((self.target_value / self.price).to_integral_value(ROUND_FLOOR))

    def gap(self, quantity: int) -> Decimal:
        """What is missing to the target value with this many shares; negative when it is exceeded."""
        return self.target_value - quantity * self.price


@dataclass(frozen=True)
class Purse:
    """The cash side. ``spendable`` is the cash above the reserve, ``cash_target`` how much of it should stay."""

    spendable: Decimal
    commission: Decimal
    cash_target: Decimal

    def left(self, holdings: Mapping[str, Holding], quantities: Mapping[str, int]) -> Decimal:
        """The cash above the reserve after trading to these quantities, at worst prices and after commissions."""
        return self.spendable - sum((self.cost(h, quantities[s]) for s, h in holdings.items()), ZERO)

    def cost(self, holding: Holding, quantity: int) -> Decimal:
        """What trading one symbol to this quantity takes out of the purse; negative for a sale."""
        change = quantity - holding.held
        if change == 0:
            return ZERO
        return change * (holding.buy_price if change > 0 else holding.price) + self.commission


def distance(holdings: Mapping[str, Holding], purse: Purse, quantities: Mapping[str, int]) -> Decimal:
    """The half-L1 distance to the targets, cash included, commissions left out."""
    gaps = sum((abs(h.gap(quantities[s])) for s, h in holdings.items()), ZERO)
    return (gaps + abs(_cash_surplus(holdings, purse, quantities))) / 2


def choose_quantities(
    holdings: Mapping[str, Holding], purse: Purse, fixed: frozenset[str], *, may_sell: bool = True
) -> dict[str, int]:
    """The quantities to end with; those in ``fixed`` stay as they are, and without ``may_sell`` none gets smaller.

    Every symbol is first rounded down. If the cash does not reach for that, all buys shrink by the same share of
    themselves. What cash is then left buys single shares, the largest remaining gap first, while each brings the
    account closer to its targets. Last, a share that the leftover cannot pay is bought for a few of another symbol
    where that comes closer still.
    """
    quantities = {s: h.held if s in fixed else _rounded_down(h, may_sell) for s, h in sorted(holdings.items())}
    if purse.left(holdings, quantities) < 0:
        quantities = _shrunk_to_cash(holdings, purse, quantities)
    open_symbols = [s for s in quantities if s not in fixed]
    lowest = {s: 0 if may_sell else max(holdings[s].held, 0) for s in open_symbols}
    _spend_leftover(holdings, purse, quantities, open_symbols)
    for _ in range(MAX_SWAPS):
        if not _swap(holdings, purse, quantities, lowest):
            break
        _spend_leftover(holdings, purse, quantities, open_symbols)
    return quantities


def _rounded_down(holding: Holding, may_sell: bool) -> int:
    return holding.whole_shares if may_sell else max(holding.whole_shares, holding.held)


def _cash_surplus(holdings: Mapping[str, Holding], purse: Purse, quantities: Mapping[str, int]) -> Decimal:
    """How far the cash at valuation prices is above its target; negative when below."""
    moved = sum(((quantities[s] - h.held) * h.price for s, h in holdings.items()), ZERO)
    return purse.spendable - moved - purse.cash_target


def _shrunk_to_cash(holdings: Mapping[str, Holding], purse: Purse, wanted: Mapping[str, int]) -> dict[str, int]:
    """Shrink the buys evenly until they fit; short positions are covered before anything else is bought."""
    sold = {s: min(q, holdings[s].held) for s, q in wanted.items()}
    covered = _bought_evenly(holdings, purse, sold, {s: min(q, 0) for s, q in wanted.items()})
    return _bought_evenly(holdings, purse, covered, wanted)


def _bought_evenly(
    holdings: Mapping[str, Holding], purse: Purse, start: dict[str, int], wanted: Mapping[str, int]
) -> dict[str, int]:
    """Go from ``start`` towards ``wanted`` by the same share of every buy, as far as the cash reaches."""
    missing = {s: q - start[s] for s, q in wanted.items() if q > start[s]}
    if not missing:
        return start
    available = purse.left(holdings, start) - purse.commission * len(missing)
    needed = sum((q * holdings[s].buy_price for s, q in missing.items()), ZERO)
    share = min(max(available / needed, ZERO), Decimal(1))
    return start | {s: start[s] + int((q * share).to_integral_value(ROUND_FLOOR)) for s, q in missing.items()}


def _spend_leftover(
    holdings: Mapping[str, Holding], purse: Purse, quantities: dict[str, int], symbols: Iterable[str]
) -> None:
    """Add shares where the gap is largest, as long as the cash reaches and the distance gets smaller."""
    candidates = [holdings[s] for s in symbols]
    left = purse.left(holdings, quantities)
    surplus = _cash_surplus(holdings, purse, quantities)
    while True:
        options = [h for h in candidates if h.gap(quantities[h.symbol]) > 0]
        for holding in sorted(options, key=lambda h: (-h.gap(quantities[h.symbol]), h.symbol)):
            before = quantities[holding.symbol]
            after = before + _next_step(holding, before, left, surplus, purse.commission)
            cost = purse.cost(holding, after) - purse.cost(holding, before)
            if cost <= left and _gain(holding, before, after, surplus) > 0:
                quantities[holding.symbol] = after
                left -= cost
                surplus -= (after - before) * holding.price
                break
        else:
            return


def _swap(holdings: Mapping[str, Holding], purse: Purse, quantities: dict[str, int], lowest: Mapping[str, int]) -> bool:
    """Pay one share of the symbol with the largest gap with shares of the symbol where that helps most."""
    left = purse.left(holdings, quantities)
    surplus = _cash_surplus(holdings, purse, quantities)
    wanting = [holdings[s] for s in lowest if holdings[s].gap(quantities[s]) > 0]
    for wanted in sorted(wanting, key=lambda h: (-h.gap(quantities[h.symbol]), h.symbol)):
        best = max(_swaps(holdings, purse, quantities, lowest, wanted, left, surplus), default=None)
        if best and best[0] > 0:
            quantities[wanted.symbol] += 1
            quantities[best[2]] -= best[1]
            return True
    return False


def _swaps(
    holdings: Mapping[str, Holding],
    purse: Purse,
    quantities: Mapping[str, int],
    lowest: Mapping[str, int],
    wanted: Holding,
    left: Decimal,
    surplus: Decimal,
) -> Iterator[tuple[Decimal, int, str]]:
    """For every symbol that could pay for one wanted share: the gain, the number of shares, the symbol."""
    before = quantities[wanted.symbol]
    missing = purse.cost(wanted, before + 1) - purse.cost(wanted, before) - left
    for symbol in lowest:
        payer, held = holdings[symbol], quantities[symbol]
        count = max(1, int((missing / payer.price).to_integral_value(ROUND_CEILING)))
        if payer is wanted or count > held - lowest[symbol]:
            continue
        freed = purse.cost(payer, held) - purse.cost(payer, held - count)
        if freed < missing:
            continue
        spent = wanted.price - count * payer.price
        stock = abs(wanted.gap(before)) - abs(wanted.gap(before + 1))
        stock += abs(payer.gap(held)) - abs(payer.gap(held - count))
        yield stock + abs(surplus) - abs(surplus - spent), count, symbol


def _next_step(holding: Holding, quantity: int, left: Decimal, surplus: Decimal, commission: Decimal) -> int:
    """How many shares to add at once: those that fit whole into gap, cash and surplus, else one."""
    room = min(holding.gap(quantity) / holding.price, (left - commission) / holding.buy_price, surplus / holding.price)
    return max(1, int(room.to_integral_value(ROUND_FLOOR)))


def _gain(holding: Holding, before: int, after: int, surplus: Decimal) -> Decimal:
    """By how much the distance shrinks (twice the half-L1) when one symbol goes from ``before`` to ``after``."""
    spent = (after - before) * holding.price
    stock = abs(holding.gap(before)) - abs(holding.gap(after))
    return stock + abs(surplus) - abs(surplus - spent)
