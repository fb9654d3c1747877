"""Looks at runs: one list of those that run or have closed lately, and a question to a few that wait for a person."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from temporalio.client import Client, WorkflowExecution

from configuration.configuration_in_use import ConfigurationInUse
from contract.alerts import Alert, alert_id
from contract.memory import memory_of
from rebalancing.alerts import AlertKind
from rebalancing.outcomes import WAITING_PHASES, Phase
from starter.alerts.outbox import Outbox
from starter.alerts.run_alerts import ASKED_ABOUT, ended, expired, slow, started, waits
from starter.desk.history import HistoryRequest
from starter.desk.latest_run import handle_of, query_status
from starter.desk.runs import Run, listed_runs, run_of

OVERLAP: Final = timedelta(minutes=2)
"""What closed so long before the last look is looked at again: the server's list lags."""

ASK_AGAIN: Final = timedelta(seconds=30)
"""Between two questions to a run that waits: it may ask about another plan by then."""

MOST_ASKED: Final = 20
"""So many runs are asked at a look; the others at the next ones."""

MOST_LISTED: Final = 20_000


class RunsWatch:
    """What is known of runs from look to look."""

    def __init__(self, client: Client, configuration: ConfigurationInUse, outbox: Outbox) -> None:
        self._client = client
        self._configuration = configuration
        self._outbox = outbox
        self._looked_at: datetime | None = None
        self._asked: dict[str, datetime] = {}
        self._at_work: dict[str, tuple[datetime, Run]] = {}

    async def look(self, horizon: datetime) -> None:
        """Have told what is new since the horizon. Raises ``RPCError``: then the next look tells it."""
        now = datetime.now(UTC)
        since = horizon if self._looked_at is None else max(horizon, self._looked_at - OVERLAP)
        query = HistoryRequest(since=since).query
        listed = [each async for each in listed_runs(self._client, query, MOST_LISTED)]
        runs = [(await run_of(each), each) for each in listed]
        for run, execution in runs:
            if run.is_running:
                if run.started_at >= horizon and (alert := started(run)):
                    await self._outbox.fact(alert)
            else:
                await self._tell_end(run, execution)
        self._note_work([run for run, _ in runs if run.is_running], now)
        await self._ask([run for run, _ in runs if run.is_running and run.is_live], now)
        self._looked_at = now

    def slow(self, now: datetime) -> Mapping[str, Alert]:
        """The runs that have been at work for longer than is expected, by the id of the alert."""
        limit = self._configuration.now.alerts.slower_than
        if limit is None:
            return {}
        late = [(run, since) for since, run in self._at_work.values() if (now - since).total_seconds() > limit]
        return {alert_id(AlertKind.SLOW, run.run_id): slow(run, since, now) for run, since in late}

    async def _tell_end(self, run: Run, execution: WorkflowExecution) -> None:
        looked_at = f"end of {run.run_id}"
        if self._outbox.knows(looked_at):
            return
        if run.is_live or run.phase == Phase.EXPIRED:
            for alert in expired(run, (await memory_of(execution)).all_events):
                await self._outbox.fact(alert)
        if alert := ended(run):
            await self._outbox.fact(alert)
        self._outbox.note(looked_at)

    def _note_work(self, running: list[Run], now: datetime) -> None:
        """Since when each has been seen at work without a wait."""
        at_work = {run.run_id: run for run in running if run.phase not in WAITING_PHASES}
        self._at_work = {
            run_id: (self._at_work[run_id][0] if run_id in self._at_work else now, run)
            for run_id, run in at_work.items()
        }

    async def _ask(self, running: list[Run], now: datetime) -> None:
        waiting = [run for run in running if run.phase in ASKED_ABOUT]
        self._asked = {run.run_id: self._asked[run.run_id] for run in waiting if run.run_id in self._asked}
        due = [run for run in waiting if now - self._asked.get(run.run_id, now - ASK_AGAIN) >= ASK_AGAIN]
        due = [run for run in due if not self._is_told_for_good(run)]
        await asyncio.gather(*(self._ask_one(run, now) for run in due[:MOST_ASKED]))

    def _is_told_for_good(self, run: Run) -> bool:
        """Whether it waits for a market, which is told once for each run."""
        kind = ASKED_ABOUT[run.phase]
        return kind is AlertKind.WAITS_FOR_OPEN and self._outbox.knows(alert_id(kind, run.run_id))

    async def _ask_one(self, run: Run, now: datetime) -> None:
        status = await query_status(handle_of(self._client, run.account, run.run_id))
        if status is None:
            return  # no worker answers; at the next look one may
        self._asked[run.run_id] = now
        if alert := waits(run, status, now):
            await self._outbox.fact(alert)
