"""Shows in the metrics what waits, holds and runs, by the server's own word: no worker has to be up for it.

Every process that keeps metrics looks, so that whichever is left tells that the others are gone. They all say the same:
a rule or a dashboard takes the highest.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from temporalio.client import Client
from temporalio.service import RPCError

from configuration.configuration_in_use import ConfigurationInUse
from contract import metrics
from contract.halts import Halt, running_halts
from contract.names import REBALANCES_QUEUE, TURNS_QUEUE, fills_queue, gateway_queue, workflow_id
from starter.desk.pending_steps import PendingStep, pending_steps
from starter.desk.processes import running
from starter.desk.runs import listed_runs, run_of
from starter.desk.task_queues import LONGEST_POLL, described, heard_of

log = logging.getLogger(__name__)

LOOK_EVERY: Final = 15.0
"""Seconds between two looks: as often as Prometheus usually comes."""

ANSWER_WITHIN: Final = 10.0
"""Seconds for all that is asked in one look; a frozen server answers nothing."""

MOST_RUNS: Final = 500
"""Running rebalances whose phase is shown."""

MOST_ASKED: Final = 50
"""So many of them are asked what they wait for."""

WORKER_GONE_AFTER: Final = LONGEST_POLL + timedelta(seconds=15)
"""Whoever was not heard of for longer than a poll lasts takes nothing from a queue any more."""

ROLES: Final = ("worker", "listener", "api", "up")
"""What processes are called."""

KINDS: Final = ("halt", "account", "strategy")


async def show_standing(client: Client, configuration: ConfigurationInUse) -> None:
    """Look again and again, until cancelled. Whatever goes wrong here ends nothing else."""
    if not metrics.is_measured():
        return
    looks = _Looks(client, configuration)
    while True:
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                await looks.look()
        except (RPCError, RuntimeError, TimeoutError) as error:
            log.debug("how things stand cannot be told: %r", error)
            metrics.TEMPORAL_ANSWERS.set(metrics.process_meter(), 0)
        except Exception:  # a defect here must not end a process that trades
            log.exception("how things stand cannot be shown in the metrics")
            metrics.TEMPORAL_ANSWERS.set(metrics.process_meter(), 0)
        else:
            metrics.TEMPORAL_ANSWERS.set(metrics.process_meter(), 1)
        await asyncio.sleep(LOOK_EVERY)


class _Looks:
    """Shows what is there, and of what is gone since the last look that it is."""

    def __init__(self, client: Client, configuration: ConfigurationInUse) -> None:
        self._client = client
        self._configuration = configuration
        self._phases: set[tuple[str, str]] = set()
        self._waiting: set[tuple[str, str]] = set()

    async def look(self) -> None:
        """Once. Raises ``RPCError``."""
        await asyncio.gather(self._queues(), self._rebalances(), self._halts(), self._processes())

    async def _queues(self) -> None:
        gateways = self._configuration.now.gateways or (None,)
        of_gateways = [queue for name in gateways for queue in (gateway_queue(name), fills_queue(name))]
        limited = self._configuration.settings.concurrency.max_concurrent_rebalances is not None
        for queue in (REBALANCES_QUEUE, *of_gateways, *([TURNS_QUEUE] if limited else [])):
            found, meter = await described(self._client, queue), metrics.process_meter()
            metrics.QUEUE_DEPTH.set(meter, found.stats.approximate_backlog_count, queue=queue)
            age = found.stats.approximate_backlog_age.ToTimedelta().total_seconds()
            metrics.QUEUE_AGE.set(meter, age, queue=queue)
            metrics.QUEUE_POLLERS.set(meter, len(heard_of(found, WORKER_GONE_AFTER)), queue=queue)

    async def _rebalances(self) -> None:
        known = {account.account_id for account in self._configuration.now.enabled_accounts}
        phases: set[tuple[str, str]] = set()
        async for listed in listed_runs(self._client, "ExecutionStatus = 'Running'", MOST_RUNS):
            run = await run_of(listed)
            if run.account in known:
                phases.add((run.account, run.phase))
        meter = metrics.process_meter()
        for account, phase in self._phases | phases:
            is_so = (account, phase) in phases
            metrics.OPEN_REBALANCES.set(meter, is_so, account=account, phase=phase)
        self._phases |= phases
        await self._accounts([account for account, _ in sorted(phases)])

    async def _accounts(self, accounts: list[str]) -> None:
        """What the accounts that are at it wait for."""
        asked = (self._pending(account) for account in accounts[:MOST_ASKED])
        waiting: dict[tuple[str, str], list[PendingStep]] = defaultdict(list)
        for account, steps in zip(accounts, await asyncio.gather(*asked), strict=False):
            for step in steps:
                waiting[account, step.queue].append(step)
        meter, now = metrics.process_meter(), datetime.now(UTC)
        for account, queue in self._waiting | waiting.keys():
            steps = waiting.get((account, queue), [])
            oldest = max(((now - step.since).total_seconds() for step in steps), default=0.0)
            metrics.ACCOUNT_DEPTH.set(meter, len(steps), account=account, queue=queue)
            metrics.ACCOUNT_AGE.set(meter, oldest, account=account, queue=queue)
        self._waiting |= waiting.keys()

    async def _pending(self, account: str) -> list[PendingStep]:
        description = await self._client.get_workflow_handle(workflow_id(account)).describe()
        steps = await pending_steps(self._client, description)
        return [step for step in steps if step.is_queued and not step.is_retrying]

    async def _halts(self) -> None:
        oldest: dict[str, datetime] = {}
        count: dict[str, int] = defaultdict(int)
        async for halt in running_halts(self._client):
            kind = _kind(halt)
            count[kind] += 1
            oldest[kind] = min(oldest.get(kind, halt.since), halt.since)
        meter, now = metrics.process_meter(), datetime.now(UTC)
        for kind in KINDS:
            metrics.HALTS.set(meter, count[kind], kind=kind)
            metrics.HALTED_SECONDS.set(meter, _seconds(oldest, kind, now), kind=kind)

    async def _processes(self) -> None:
        count: dict[str, int] = defaultdict(int)
        for process in await running(self._client):
            count[process.name.split(" ")[0]] += 1
        for role in ROLES:
            metrics.PROCESSES.set(metrics.process_meter(), count[role], role=role)


def _kind(halt: Halt) -> str:
    if halt.strategy is not None:
        return "strategy"
    return "halt" if halt.account is None else "account"


def _seconds(oldest: Mapping[str, datetime], kind: str, now: datetime) -> float:
    return (now - oldest[kind]).total_seconds() if kind in oldest else 0.0
