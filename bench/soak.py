"""``python -m bench.soak``: accounts rebalanced live, again and again; what grows with how often that was done.

Every round tilts the published weights the other way, so that each account sells two symbols and buys two. The checks
of the chaos harness are run at the end.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from bench.accounts.histories import RunHistory, read_histories
from bench.accounts.measurement import broken_promises, closed
from bench.accounts.resources import MIB, machine, usage_of
from bench.accounts.stage import Stage, set_stage
from bench.portfolios import portfolios, weights_of
from testbed.portfolios import Portfolio, write_allocations

ACCOUNTS: Final = 6
ROUNDS: Final = 101
TILT: Final = 0.03
"""How far a round moves the weights of four symbols of ten: well beyond the band of one percent."""

DATABASE: Final = "temporal.db"
SHOWN_EVERY: Final = 10


@dataclass(frozen=True)
class Round:
    """What one round came to; sizes of histories in KiB for each rebalance, memory and database in MiB."""

    number: int
    seconds: float
    history: float
    events: float
    orders: int
    worker: float
    server: float
    database: float


def main() -> int:
    """Soak; the exit status is 1 if a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description="What grows with rebalances.")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="how often the accounts are rebalanced")
    parser.add_argument("--accounts", type=int, default=ACCOUNTS, help="how many there are")
    parser.add_argument("--seed", type=int, default=1, help="what the portfolios are drawn from")
    arguments = parser.parse_args()
    sys.stdout.write(f"{machine()}\n\n{_HEADING}\n")
    broken = asyncio.run(_soaked(portfolios(arguments.accounts, arguments.seed), arguments.rounds))
    for problem in broken[:20]:
        sys.stdout.write(f"BROKEN: {problem}\n")
    sys.stdout.write(f"\n{arguments.accounts * arguments.rounds} rebalances, broken promises: {len(broken)}\n")
    return int(bool(broken))


async def _soaked(chosen: Sequence[Portfolio], rounds: int) -> tuple[str, ...]:
    strategies = sorted({own.strategy for own in chosen})
    failed: list[str] = []
    with tempfile.TemporaryDirectory(prefix="rebalancer-soak-") as temporary:
        folder = Path(temporary)
        async with set_stage(folder, chosen, database=DATABASE) as stage:
            for number in range(1, rounds + 1):
                targets = {strategy: tilted(strategy, up=number % 2 == 1) for strategy in strategies}
                write_allocations(folder / "allocations.json", targets)
                published_at = await stage.publish(f"round-{number}", strategies)
                await closed(stage, number * len(chosen))
                histories = await read_histories(stage.client, [own.account for own in chosen])
                seconds = max((own.closed_at - published_at).total_seconds() for own in histories)
                failed += [f"round {number}: {own.account} did not complete" for own in histories if not own.completed]
                if rounds <= 2 * SHOWN_EVERY or number % SHOWN_EVERY == 1:
                    _show(await _round(number, seconds, stage, histories, folder))
            last = partial(tilted, up=rounds % 2 == 1)
            return (*failed, *await broken_promises(stage, chosen, (), f"round-{rounds}", last))


def tilted(strategy: str, *, up: bool) -> Mapping[str, float]:
    """The strategy's weights with two symbols above and two below, or the other way round."""
    weights = weights_of(strategy)
    tilt = TILT if up else -TILT
    for place, symbol in enumerate(list(weights)[:4]):
        weights[symbol] = round(weights[symbol] + (tilt if place % 2 else -tilt), 6)
    return weights


async def _round(number: int, seconds: float, stage: Stage, histories: Sequence[RunHistory], folder: Path) -> Round:
    worker, server = (usage_of(stage.installation.children[name].process_id).memory for name in ("worker", "temporal"))
    return Round(
        number,
        seconds,
        statistics.mean(own.size for own in histories) / 1024,
        statistics.mean(own.events for own in histories),
        len(await stage.read("orders")),
        worker,
        server,
        _size_of(folder),
    )


def _size_of(folder: Path) -> float:
    """The database with what is not merged into it yet, in MiB."""
    return sum(file.stat().st_size for file in folder.glob(f"{DATABASE}*")) / MIB


_HEADING: Final = (
    "| round | seconds | KiB of history | events | orders until then | worker MiB | server MiB | database MiB |\n"
    "|---|---|---|---|---|---|---|---|"
)


def _show(own: Round) -> None:
    sys.stdout.write(
        f"| {own.number} | {own.seconds:.1f} | {own.history:.1f} | {own.events:.0f} | {own.orders} | {own.worker:.0f} "
        f"| {own.server:.0f} | {own.database:.1f} |\n"
    )
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
