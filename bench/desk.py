"""How fast ``status`` and ``history`` answer where there are many accounts and many runs.

Seeds a real Temporal server with closed runs that carry what real ones do: search attributes, a summary, and a full
ring of events. Then it measures the commands as people run them, each in a process of its own. For instance
``python -m bench.desk --accounts 500 --runs 20``.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from temporalio import workflow
from temporalio.client import Client
from temporalio.common import SearchAttributePair, TypedSearchAttributes
from temporalio.runtime import LoggingConfig, Runtime, TelemetryConfig
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from contract.names import (
    ACCOUNT,
    EVENTS_MEMO,
    EXECUTION_MODE,
    PHASE,
    STRATEGY,
    SUMMARY_MEMO,
    TARGETS_MEMO,
    WORKFLOW_TYPE,
    workflow_id,
)
from contract.run_summary import RunSummary
from rebalancing.outcomes import Phase
from rebalancing.triggers import REMEMBERED_EVENTS, EventRecord, EventRing, EventStatus, ExecutionMode
from testbed.addresses import clean_environment
from testbed.installation import REBALANCER
from testbed.temporal_server import temporal_server

QUEUE: Final = "seeded"
AT_ONCE: Final = 50
STRATEGY_NAME: Final = "etf-blend-301-20"

COMMANDS: Final[Sequence[Sequence[str]]] = (
    ("status",),
    ("status", "--json"),
    ("status", "DU1000"),
    ("history",),
    ("history", "--limit", "1000", "--json"),
    ("history", "DU1000"),
    ("history", "--failed"),
    ("history", "--since", "7d", "--limit", "100000", "--json"),
)


@workflow.defn(name=WORKFLOW_TYPE, sandboxed=False)
class SeededRun:
    """A run that has nothing to do."""

    @workflow.run
    async def run(self) -> None:
        """End at once."""


def _memo(index: int) -> dict[str, Any]:
    now = datetime.now(UTC)
    records = tuple(
        EventRecord(
            event_id=f"event-{index}-{number}-abcdef",
            mode=ExecutionMode.REBALANCE,
            requested_at=now - timedelta(hours=REMEMBERED_EVENTS - number),
            status=EventStatus.COMPLETED,
        )
        for number in range(REMEMBERED_EVENTS)
    )
    summary = RunSummary(
        phase=Phase.COMPLETED,
        mode=ExecutionMode.REBALANCE,
        sources=(f"ably:{STRATEGY_NAME}",),
        event_ids=(f"event-{index}",),
        events=1,
        drift_before=Decimal("12.3456"),
        drift_after=Decimal("0.1234"),
        orders=6,
        traded=Decimal("51234.56"),
        slippage=Decimal("12.34"),
        slippage_bp=Decimal("2.4"),
        commissions=Decimal("6.00"),
        started_at=now,
        finished_at=now,
    )
    return {
        EVENTS_MEMO: EventRing(records=records).model_dump(mode="json"),
        SUMMARY_MEMO: summary.model_dump(mode="json", exclude_defaults=True),
        TARGETS_MEMO: {f"SYM{number}": "0.1" for number in range(10)},
    }


async def seed(client: Client, accounts: Sequence[str], runs: int) -> None:
    """So many closed runs of each account, one after the other."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(account: str, index: int) -> None:
        attributes = TypedSearchAttributes(
            [
                SearchAttributePair(ACCOUNT, account),
                SearchAttributePair(STRATEGY, STRATEGY_NAME),
                SearchAttributePair(EXECUTION_MODE, ExecutionMode.REBALANCE.value),
                SearchAttributePair(PHASE, Phase.COMPLETED.value),
            ]
        )
        async with turns:
            handle = await client.start_workflow(
                SeededRun.run,
                id=workflow_id(account),
                task_queue=QUEUE,
                memo=_memo(index),
                search_attributes=attributes,
            )
            await handle.result()

    worker = Worker(client, task_queue=QUEUE, workflows=[SeededRun], workflow_runner=UnsandboxedWorkflowRunner())
    async with worker:
        for index in range(runs):
            await asyncio.gather(*(one(account, index) for account in accounts))


async def measured(folder: Path, address: str, command: Sequence[str]) -> float:
    """Seconds that a command takes, from its start to its end."""
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        REBALANCER,
        *command,
        cwd=folder,
        env={**clean_environment(), "TEMPORAL_ADDRESS": address},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)}: {errors.decode()}")
    return time.perf_counter() - began


async def bench(accounts: int, runs: int, times: int) -> dict[str, float]:
    """The median seconds of each command."""
    names = [f"DU{1000 + number}" for number in range(accounts)]
    async with temporal_server() as server:
        began = time.perf_counter()
        await seed(server.client, names, runs)
        _say(f"seeded {accounts} accounts with {runs} runs each in {time.perf_counter() - began:.0f} s")
        with tempfile.TemporaryDirectory() as written:
            folder = Path(written)
            listed = "".join(f"  - {{account_id: {name}, strategy_name: {STRATEGY_NAME}}}\n" for name in names)
            (folder / "accounts.yaml").write_text(f"accounts:\n{listed}", encoding="utf-8")
            found: dict[str, float] = {}
            for command in COMMANDS:
                took = [await measured(folder, server.address, command) for _ in range(times)]
                found[" ".join(command)] = statistics.median(took)
                _say(f"{found[' '.join(command)]:6.2f} s  rebalancer {' '.join(command)}")
    return found


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Seed, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accounts", type=int, default=500)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--times", type=int, default=3, help="how often each command is measured")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    options = parser.parse_args()
    # A full ring of events is more than the client's library likes in a memo, and it says so each time.
    Runtime.set_default(Runtime(telemetry=TelemetryConfig(logging=LoggingConfig(filter="ERROR"))))
    found = asyncio.run(bench(options.accounts, options.runs, options.times))
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
