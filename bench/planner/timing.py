"""How long a plan takes."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from random import Random

from bench.planner.comparison import Progress, percentile
from bench.portfolios import drifted_portfolio
from rebalancing.planner.planning import make_plan

REPEATS: Mapping[int, int] = {10: 200, 50: 200, 200: 20, 500: 10}
"""How many portfolios are timed, by their number of symbols."""

DOLLARS_PER_SYMBOL = 5_000

PATIENCE = 60.0
"""Seconds the solver is given here; what it really gets is ``rebalancing.planner.sizing.SOLVER_SECONDS``."""


@dataclass(frozen=True)
class Timing:
    """Milliseconds of processor time for a whole plan: request in, plan with reasons out.

    A plan is made on one thread, so this is its duration on an idle machine, whatever else runs on this one.
    """

    symbols: int
    plans: int
    median: Decimal
    percentile_95: Decimal
    longest: Decimal


def time_plans(symbols: int, plans: int, seed: int, progress: Progress) -> Timing:
    """Plan so many portfolios of so many symbols."""
    random = Random(f"{seed}/{symbols} symbols")
    make_plan(drifted_portfolio(random, DOLLARS_PER_SYMBOL * 4, 4))  # the solver is loaded when it is first used
    times: list[Decimal] = []
    for number in range(1, plans + 1):
        request = drifted_portfolio(random, DOLLARS_PER_SYMBOL * symbols, symbols)
        started_at = time.process_time()
        make_plan(request, solver_seconds=PATIENCE)
        times.append(Decimal(1000 * (time.process_time() - started_at)))
        progress(number)
    return Timing(symbols, plans, percentile(times, 50), percentile(times, 95), max(times))
