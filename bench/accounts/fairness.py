"""One account with very many orders beside one with five: how much longer the small one takes than alone."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench.accounts.histories import read_histories
from bench.accounts.measurement import closed
from bench.accounts.stage import set_stage
from bench.portfolios import large_portfolio, portfolios


@dataclass(frozen=True)
class Fairness:
    """Seconds from the event to the end. ``orders``: of the large account."""

    orders: int
    alone: float
    beside: float
    large: float

    @property
    def ratio(self) -> float:
        """How much longer the small account took."""
        return self.beside / self.alone


async def measure_fairness(orders: int, seed: int) -> Fairness:
    """Rebalance a small account alone; then both at once, the event for the large one published first."""
    alone, _ = await _seconds(None, seed)
    beside, large = await _seconds(orders, seed)
    return Fairness(orders, alone, beside, large)


async def _seconds(orders: int | None, seed: int) -> tuple[float, float]:
    """Seconds of the small account, and of the large one if there is one."""
    (small,) = portfolios(1, seed, orders=5)
    others = () if orders is None else (large_portfolio(orders),)
    with tempfile.TemporaryDirectory(prefix="rebalancer-bench-fairness-") as folder:
        async with set_stage(Path(folder), (small, *others)) as stage:
            for other in others:
                await stage.publish("large", [other.strategy])
            at = await stage.publish("small", [small.strategy])
            await closed(stage, 1 + len(others))
            ended = {own.account: own.closed_at for own in await read_histories(
                stage.client, [own.account for own in (small, *others)])}  # fmt: skip
            took = {account: (end - at).total_seconds() for account, end in ended.items()}
            return took[small.account], max(took.values())
