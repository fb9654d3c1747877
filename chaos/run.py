"""One run of the harness: start everything, let the timeline happen, heal, wait for quiet, check."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
from temporalio.client import Client
from temporalio.service import RPCError

from chaos.accounts import ACCOUNTS, FRESHNESS, PORTFOLIOS, RESERVE_PERCENT, START_PRICES
from chaos.checks import violations
from chaos.evidence import Evidence, broker_of
from chaos.findings import Kind, Violation, books_of
from chaos.histories import read_account, read_runs
from chaos.operator import Operator
from chaos.stage import Stage
from chaos.timeline import Publish, Timed, last_events
from contract.memory import memory_of
from contract.names import workflow_id
from rebalancing.triggers import EventStatus
from testbed.background import in_background
from testbed.gateway_control import PATIENCE

log = logging.getLogger(__name__)

QUIET_TIMEOUT: Final = 120.0
"""Seconds after healing within which everything must have come to an end: the listener's longest back-off is 30 s."""

PRICES_REST: Final = 6.0
"""Seconds without a price move before the last events: longer than the application shares a quote."""

SUMMARY: Final = (Kind.DUPLICATED, Kind.LOST, Kind.STUCK, Kind.OVERSPENT)


@dataclass(frozen=True)
class Report:
    """What one run came to."""

    seed: int
    faults: int
    evidence: Evidence
    violations: tuple[Violation, ...]

    @property
    def summary(self) -> str:
        """The one line."""
        counted = {kind: sum(each.kind is kind for each in self.violations) for kind in Kind}
        parts = [f"faults: {self.faults}", f"orders: {len(self.evidence.broker.orders)}"]
        parts += [f"{kind}: {counted[kind]}" for kind in SUMMARY]
        parts += [f"{kind}: {counted[kind]}" for kind in (Kind.MISREPORTED, Kind.STALE) if counted[kind]]
        return "  ".join(parts)


async def run_chaos(timeline: Sequence[Timed], seed: int, folder: Path, *, careless: bool = False) -> Report:
    """Let the timeline happen, with all files in ``folder``; ``seed`` is what first and last weights are drawn from.

    ``careless`` workers place orders without looking first, which must show as violations.
    """
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE) as http:
        stage = Stage(folder, http, seed, careless=careless)
        try:
            client = await stage.start()
            operator = Operator(client, stage.gateway)
            async with in_background(operator.watch()), in_background(stage.supervise()):
                await _play(stage, timeline)
                log.info("healing")
                await stage.heal()
                await asyncio.sleep(PRICES_REST)
                await asyncio.gather(*(stage.publisher.publish(event) for event in _with_weights(stage, seed)))
                log.info("waiting for quiet")
                await _quiet(client, stage.publisher.published)
            evidence = await _collect(client, stage, operator)
        finally:
            await stage.stop()
    books = books_of(PORTFOLIOS, START_PRICES, RESERVE_PERCENT, FRESHNESS)
    return Report(seed, stage.faults, evidence, violations(evidence, stage.publisher.published, books))


async def _play(stage: Stage, timeline: Sequence[Timed]) -> None:
    loop = asyncio.get_running_loop()
    start = loop.time()
    for timed in timeline:
        await asyncio.sleep(max(0.0, start + timed.at - loop.time()))
        log.info("%6.1f s: %s", timed.at, timed.step)
        await stage.carry_out(timed.step)


def _with_weights(stage: Stage, seed: int) -> tuple[Publish, ...]:
    events = last_events(seed)
    stage.publish_weights({event.strategy: event.weights for event in events})
    return events


async def _quiet(client: Client, published: list[Publish]) -> None:
    """Wait until every account has come to an end with its last event; in vain is for the checks to tell."""
    with suppress(TimeoutError):
        async with asyncio.timeout(QUIET_TIMEOUT):
            for account, strategy in ACCOUNTS.items():
                last = [event.event_id for event in published if event.strategy == strategy][-1]
                while not await _has_ended(client, account, last):  # noqa: ASYNC110  # another process's state
                    await asyncio.sleep(0.5)


async def _has_ended(client: Client, account: str, event_id: str) -> bool:
    try:
        description = await client.get_workflow_handle(workflow_id(account)).describe()
    except RPCError:
        return False
    record = (await memory_of(description)).all_events.find(event_id)
    ended = record is not None and record.status not in (EventStatus.PENDING, EventStatus.RUNNING)
    return ended and description.close_time is not None


async def _collect(client: Client, stage: Stage, operator: Operator) -> Evidence:
    runs = await read_runs(client)
    known = {run.account for run in runs}
    return Evidence(
        broker=broker_of(*[await stage.gateway.read(what) for what in ("accounts", "orders", "executions")]),
        runs=(*runs, *stage.doors.runs),
        accounts={account: await read_account(client, account, runs) for account in ACCOUNTS if account in known},
        questions=tuple(operator.questions),
        losses=tuple(stage.doors.losses),
        new_days=tuple(stage.day.changes),
        prices=stage.gateway.price_log,
        takeovers=stage.doors.takeovers,
    )
