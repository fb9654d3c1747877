"""Measures how soon a rebalance goes on after kill -9 of its worker in the sell leg, with a standby or a restart.

Run: ``python -m tests.workflows.recovery_times [TIMES]``. What the kill interrupts is left to chance.
"""

import asyncio
import statistics
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle

from rebalancing.outcomes import Phase
from testbed.waiting import until
from tests.house import Holding, house, phase_reached
from tests.workflows.test_killed_worker import kill, worker_desk

ACCOUNT = "DU1"


async def recovery_time(folder: Path, standby_waits: bool) -> float:
    """Seconds from the kill (with a standby) or the new worker's start until the next activity runs."""
    account = Holding(cash="1000", holdings={"SPY": 60, "GLD": 60})
    async with house({ACCOUNT: account}, workers=0, latency={"fill": (12, 13)}) as own:
        processes = worker_desk(folder, own)
        first = await processes.start("worker")
        handle = await own.trigger(ACCOUNT)
        await phase_reached(handle, Phase.SELLING)
        await until(lambda: len(own.accepted_orders(ACCOUNT)) >= 2)
        second = await processes.start("worker") if standby_waits else None
        # A standby is one that already waits for the connection.
        await asyncio.sleep(2 if standby_waits else 0)
        await kill(first)
        since = datetime.now(UTC)
        second = second or await processes.start("worker")
        try:
            await handle.result()
            return (await _next_activity(handle, since) - since).total_seconds()
        finally:
            await kill(second)


async def _next_activity(handle: WorkflowHandle[Any, Any], since: datetime) -> datetime:
    history = await handle.fetch_history()
    started = (e for e in history.events if e.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED)
    return next(at for event in started if (at := event.event_time.ToDatetime(UTC)) > since)


def main(times: int) -> None:
    """Print minimum, median and maximum of both ways."""
    for standby_waits, name in ((True, "standby"), (False, "restart")):
        seconds: list[float] = []
        for _ in range(times):
            with tempfile.TemporaryDirectory() as folder:
                seconds.append(asyncio.run(recovery_time(Path(folder), standby_waits)))
        figures = f"{min(seconds):.1f} / {statistics.median(seconds):.1f} / {max(seconds):.1f} s over {times} kills"
        sys.stdout.write(f"{name}: {figures} (minimum / median / maximum)\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
