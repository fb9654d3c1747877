"""Events at increasing rates: how long each takes to be carried out, and from which rate on they pile up."""

import asyncio
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from bench.accounts.histories import read_histories
from bench.accounts.stage import Stage, set_stage
from bench.portfolios import STRATEGIES, portfolios
from contract.names import WORKFLOW_TYPE
from testbed.portfolios import Portfolio

SECONDS: Final = 10.0
"""How long each rate is held."""

ACCOUNTS_A_STRATEGY: Final = 5


@dataclass(frozen=True)
class Rate:
    """One rate of events: accounts triggered a second, and the seconds from an event to the end of its dry run."""

    accounts_a_second: float
    events: int
    median: float
    high: float


async def measure_stream(rates: Sequence[float], seed: int) -> tuple[Rate, ...]:
    """Publish dry runs at each rate (accounts a second) in turn; they read, plan and report, and place nothing."""
    found: list[Rate] = []
    with tempfile.TemporaryDirectory(prefix="rebalancer-bench-stream-") as folder:
        chosen = portfolios(ACCOUNTS_A_STRATEGY * len(STRATEGIES), seed)
        async with set_stage(Path(folder), chosen) as stage:
            for rate in rates:
                found.append(await _at(rate, stage, chosen))
    return tuple(found)


async def _at(rate: float, stage: Stage, chosen: Sequence[Portfolio]) -> Rate:
    """A strategy's five accounts at a time, so that the accounts of one event are done before its next one."""
    loop, pause = asyncio.get_running_loop(), ACCOUNTS_A_STRATEGY / rate
    began, times = loop.time(), list[float]()
    followers = {strategy: [own.account for own in chosen if own.strategy == strategy] for strategy in STRATEGIES}
    waiting: list[asyncio.Task[list[float]]] = []
    for number in range(max(int(SECONDS / pause), 1)):
        await asyncio.sleep(max(0.0, began + number * pause - loop.time()))
        strategy = STRATEGIES[number % len(STRATEGIES)]
        at = await stage.publish(f"stream-{rate:g}-{number}", [strategy], live=False)
        waiting.append(asyncio.create_task(_ends(stage, at, followers[strategy])))
    for each in await asyncio.gather(*waiting):
        times += each
    times.sort()
    return Rate(rate, len(waiting), statistics.median(times), times[int(len(times) * 0.95)])


async def _ends(stage: Stage, published_at: datetime, accounts: Sequence[str]) -> list[float]:
    """Seconds from the event to the close of each account's run after it; a busy account takes it into its next."""
    query = (
        f"WorkflowType = '{WORKFLOW_TYPE}' AND ExecutionStatus != 'Running' "
        f"AND CloseTime > '{published_at.isoformat()}'"
    )
    async with asyncio.timeout(120):
        while True:
            listed = [run async for run in stage.client.list_workflows(query)]
            closed = {run.id.removeprefix("rebalance-") for run in listed}
            if closed >= set(accounts):
                break
            await asyncio.sleep(0.25)
    histories = await read_histories(stage.client, accounts)
    return [(own.closed_at - published_at).total_seconds() for own in histories]
