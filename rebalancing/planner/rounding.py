"""Whole shares by rounding and spending greedily: what is planned where no optimum is found in time.

All of it is deterministic: symbols are taken in alphabetical order, ties go to the first. Quantities are in steps (see
``rebalancing.planner.sizing_problem``), money in US dollars.
"""

from collections.abc import Iterator, Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from rebalancing.planner.sizing_problem import ZERO, Line, SizingProblem

MAX_SWAPS = 200
"""More improvements than that are not looked for; a portfolio rarely has ten."""


def round_and_spend(problem: SizingProblem) -> dict[str, int]:
    """Quantities that keep within cash, turnover and the smallest changes, close to the targets.

    Every line is first rounded down. If the cash does not reach for that, all buys shrink by the same share of
    themselves. What cash is then left buys single steps, the largest remaining gap first, while each brings the account
    closer to its targets. Last, a step that the leftover cannot pay is bought for a few of another line where that
    comes closer still. Changes that end too small for an order are undone, and the rest is done anew without them.
    """
    frozen: set[str] = set()
    while True:
        quantities = _round_and_spend(problem, frozen)
        bad = {s for s, line in problem.lines.items() if not line.allows(quantities[s])}
        if problem.left(quantities) < 0:
            bad |= {s for s, line in problem.lines.items() if _costs_more_than_it_brings(problem, line, quantities[s])}
        if not bad - frozen:
            return quantities
        frozen |= bad


def _round_and_spend(problem: SizingProblem, frozen: set[str]) -> dict[str, int]:
    lines = {s: line for s, line in problem.lines.items() if s not in frozen}
    quantities = problem.unchanged | {s: line.rounded_down for s, line in lines.items()}
    if problem.left(quantities) < 0:
        quantities = _shrunk_to_cash(problem, quantities)
    if problem.turnover is not None and problem.traded(quantities) > problem.turnover:
        return _shrunk_to_turnover(problem, quantities)
    _spend_leftover(problem, lines, quantities)
    for _ in range(MAX_SWAPS):
        if not _swap(problem, lines, quantities):
            break
        _spend_leftover(problem, lines, quantities)
    return quantities


def _costs_more_than_it_brings(problem: SizingProblem, line: Line, quantity: int) -> bool:
    return quantity < line.held and line.cost(quantity, problem.commission) > 0


def _shrunk_to_cash(problem: SizingProblem, wanted: Mapping[str, int]) -> dict[str, int]:
    """Shrink the buys evenly until the cash reaches."""
    start = {s: min(q, problem.lines[s].held) for s, q in wanted.items()}
    missing = {s: q - start[s] for s, q in wanted.items() if q > start[s]}
    if not missing:
        return start
    available = problem.left(start) - problem.commission * len(missing)
    needed = sum((q * problem.lines[s].buy_price for s, q in missing.items()), ZERO)
    share = min(max(available / needed, ZERO), Decimal(1))
    return start | {s: start[s] + _floor(q * share) for s, q in missing.items()}


def _shrunk_to_turnover(problem: SizingProblem, wanted: Mapping[str, int]) -> dict[str, int]:
    """Shrink all changes evenly until they keep to the turnover, then the buys to the cash this leaves."""
    share = max(problem.turnover or ZERO, ZERO) / problem.traded(wanted)
    held = problem.unchanged
    quantities = {s: held[s] + int((q - held[s]) * share) for s, q in wanted.items()}
    return quantities if problem.left(quantities) >= 0 else _shrunk_to_cash(problem, quantities)


def _spend_leftover(problem: SizingProblem, lines: Mapping[str, Line], quantities: dict[str, int]) -> None:
    """Add steps where the gap is largest, as long as the means reach and the distance gets smaller."""
    left, surplus, turnover = problem.left(quantities), problem.surplus_after(quantities), _room(problem, quantities)
    while True:
        options = [line for s, line in lines.items() if line.gap(quantities[s]) > 0 and quantities[s] < line.ceiling]
        for line in sorted(options, key=lambda of: (-of.gap(quantities[of.symbol]), of.symbol)):
            before = quantities[line.symbol]
            after = before + _next_step(line, before, left, surplus, problem.commission)
            cost = line.cost(after, problem.commission) - line.cost(before, problem.commission)
            traded = (abs(after - line.held) - abs(before - line.held)) * line.price
            affordable = cost <= left and (turnover is None or traded <= turnover)
            if affordable and _gain(line, before, after, surplus) > 0:
                quantities[line.symbol] = after
                left -= cost
                surplus -= (after - before) * line.price
                turnover = None if turnover is None else turnover - traded
                break
        else:
            return


def _swap(problem: SizingProblem, lines: Mapping[str, Line], quantities: dict[str, int]) -> bool:
    """Pay one step of the line with the largest gap with steps of the line where that helps most."""
    wanting = [line for s, line in lines.items() if line.gap(quantities[s]) > 0 and quantities[s] < line.ceiling]
    for wanted in sorted(wanting, key=lambda of: (-of.gap(quantities[of.symbol]), of.symbol)):
        best = max(_swaps(problem, lines, quantities, wanted), default=None)
        if best and best[0] > 0:
            quantities[wanted.symbol] += 1
            quantities[best[2]] -= best[1]
            return True
    return False


def _swaps(
    problem: SizingProblem, lines: Mapping[str, Line], quantities: Mapping[str, int], wanted: Line
) -> Iterator[tuple[Decimal, int, str]]:
    """For every line that could pay for one wanted step: the gain, the number of its steps, its symbol."""
    commission, before = problem.commission, quantities[wanted.symbol]
    surplus, turnover = problem.surplus_after(quantities), _room(problem, quantities)
    missing = wanted.cost(before + 1, commission) - wanted.cost(before, commission) - problem.left(quantities)
    for symbol, payer in lines.items():
        held = quantities[symbol]
        count = max(1, int((missing / payer.price).to_integral_value(ROUND_CEILING)))
        if payer is wanted or count > held - payer.lowest:
            continue
        freed = payer.cost(held, commission) - payer.cost(held - count, commission)
        swapped = {**quantities, symbol: held - count, wanted.symbol: before + 1}
        if freed < missing or (turnover is not None and problem.traded(swapped) > (problem.turnover or ZERO)):
            continue
        spent = wanted.price - count * payer.price
        closer = abs(wanted.gap(before)) - abs(wanted.gap(before + 1))
        closer += abs(payer.gap(held)) - abs(payer.gap(held - count))
        yield closer + abs(surplus) - abs(surplus - spent), count, symbol


def _next_step(line: Line, quantity: int, left: Decimal, surplus: Decimal, commission: Decimal) -> int:
    """How many steps to add at once: those that fit whole into gap, cash and surplus, else one."""
    room = min(line.gap(quantity) / line.price, (left - commission) / line.buy_price, surplus / line.price)
    return max(1, min(_floor(room), line.ceiling - quantity))


def _gain(line: Line, before: int, after: int, surplus: Decimal) -> Decimal:
    """By how much twice the distance shrinks when one line goes from ``before`` to ``after``."""
    spent = (after - before) * line.price
    closer = abs(line.gap(before)) - abs(line.gap(after))
    return closer + abs(surplus) - abs(surplus - spent)


def _room(problem: SizingProblem, quantities: Mapping[str, int]) -> Decimal | None:
    return None if problem.turnover is None else problem.turnover - problem.traded(quantities)


def _floor(value: Decimal) -> int:
    return int(value.to_integral_value(ROUND_FLOOR))
