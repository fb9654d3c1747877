"""Sizing problems that are small enough to try out every choice, the same ones each time."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import product
from random import Random

from rebalancing.planner.sizing_problem import Line, SizingProblem


def seeded_problems(count: int, *, seed: int, plain: bool = False) -> Iterator[SizingProblem]:
    """Up to three lines with any limits; ``plain`` ones have neither smallest changes, commissions nor a turnover."""
    chance = Random(seed)
    for _ in range(count):
        symbols = ("AAA", "BBB", "CCC")[: chance.randint(1, 3)]
        yield SizingProblem(
            lines={symbol: _line(chance, symbol, plain=plain) for symbol in symbols},
            spendable=Decimal(chance.randint(-30_000, 300_000)) / 100,
            surplus=Decimal(chance.randint(-50_000, 300_000)) / 100,
            commission=Decimal(0) if plain else Decimal(chance.choice((0, 1, 20))),
            turnover=None if plain else chance.choice((None, None, Decimal(100), Decimal(1000))),
        )


def every_choice(problem: SizingProblem) -> Iterator[dict[str, int]]:
    """All quantities that keep every limit, some steps beyond what could be of use included."""
    ranges = [_range(line) for line in problem.lines.values()]
    for quantities in product(*ranges):
        chosen = dict(zip(problem.lines, quantities, strict=True))
        within = problem.turnover is None or problem.traded(chosen) <= problem.turnover
        if within and problem.left(chosen) >= 0:
            yield chosen


def rank(problem: SizingProblem, quantities: Mapping[str, int]) -> tuple[Decimal, int, Decimal]:
    """What is the better choice, the smaller it is."""
    return problem.distance(quantities), problem.orders(quantities), problem.traded(quantities)


def _line(chance: Random, symbol: str, *, plain: bool) -> Line:
    price = Decimal(chance.randint(500, 40_000)) / 100
    held = chance.randint(0, 8)
    is_ordered = not plain and chance.random() < 0.25
    return Line(
        symbol=symbol,
        price=price,
        buy_price=price * chance.choice((Decimal(1), Decimal("1.003"), Decimal("1.05"))),
        held=held,
        target_value=Decimal(chance.randint(-500, 6000)) / 1000 * price,
        lowest=chance.choice((0, 0, 0, held)),
        highest=chance.choice((None, None, None, held)),
        smallest=1 if is_ordered or plain else chance.choice((1, 1, 2, 3)),
        is_ordered=is_ordered,
    )


def _range(line: Line) -> list[int]:
    unlimited = line.highest is None and line.smallest == 1
    top = line.ceiling + 2 if unlimited else line.ceiling
    return [q for q in range(line.lowest, top + 1) if q == line.held or abs(q - line.held) >= line.smallest]
