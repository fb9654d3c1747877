"""Where the accounts stand, from the server's own list; workers are asked for details."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus

from contract.memory import memory_of
from contract.names import EXECUTION_MODE, PHASE, STRATEGY, WORKFLOW_TYPE, account_of, workflow_id
from rebalancing.approval import WaitingPlan
from rebalancing.orders.order import OrderReport
from rebalancing.outcomes import Phase
from rebalancing.triggers import EventRecord, EventRing
from starter.desk.latest_run import ending_of, handle_of, query_status

LISTED_RUNS: Final = 1000
"""So many of the latest runs are looked through for each account's last one."""

RUNNING: Final = WorkflowExecutionStatus.RUNNING

ENDINGS: Final = {
    WorkflowExecutionStatus.FAILED: Phase.FAILED.value,
    WorkflowExecutionStatus.CANCELED: Phase.CANCELLED.value,
    WorkflowExecutionStatus.TERMINATED: "terminated",
    WorkflowExecutionStatus.TIMED_OUT: "timed out",
}
"""How the server says that a run ended, which goes before what the run could still say itself."""


@dataclass(frozen=True)
class AccountStatus:
    """One account's latest run as the server lists it, with what a worker added to it."""

    account: str
    strategy: str
    mode: str
    phase: str
    since: datetime
    is_running: bool
    workflow_id: str
    run_id: str
    events: EventRing
    detail: str = ""
    orders: tuple[OrderReport, ...] = ()
    waiting_plan: WaitingPlan | None = None
    has_begun: bool = True

    @property
    def last_event(self) -> EventRecord | None:
        """The newest event the account knows."""
        return self.events.records[-1] if self.events.records else None

    def as_json(self) -> Mapping[str, object]:
        """For programs; times in ISO 8601."""
        return {
            "account": self.account,
            "strategy": self.strategy,
            "mode": self.mode,
            "phase": self.phase,
            "since": self.since.isoformat(),
            "running": self.is_running,
            "detail": self.detail,
            "workflow_id": self.workflow_id,
            "run_id": self.run_id,
            "waiting_plan": self.waiting_plan.model_dump(mode="json") if self.waiting_plan else None,
            "orders": [order.model_dump(mode="json") for order in self.orders],
            "events": [record.model_dump(mode="json") for record in self.events.records],
        }


async def read_statuses(client: Client, account: str | None) -> list[AccountStatus]:
    """The latest run of each account, sorted by account."""
    query = f"WorkflowType = '{WORKFLOW_TYPE}'"
    if account is not None:
        query += f" AND WorkflowId = '{workflow_id(account)}'"
    runs: dict[str, list[WorkflowExecution]] = {}
    async for run in client.list_workflows(query, limit=LISTED_RUNS):
        runs.setdefault(run.id, []).append(run)
    listed = [await _listed(runs[name]) for name in sorted(runs)]
    return list(await asyncio.gather(*(_detailed(client, status) for status in listed)))


async def _listed(runs: list[WorkflowExecution]) -> AccountStatus:
    """The latest of an account's runs. One that found nothing new to do left no trace of its own: the last that did
    something tells what it was."""
    newest_first = sorted(runs, key=lambda run: run.start_time, reverse=True)
    run = newest_first[0]
    telling = next((one for one in newest_first if one.typed_search_attributes.get(STRATEGY)), run)
    attributes = telling.typed_search_attributes
    phase = run.typed_search_attributes.get(PHASE) or Phase.STARTING.value
    return AccountStatus(
        account=account_of(run.id),
        strategy=attributes.get(STRATEGY) or "",
        mode=attributes.get(EXECUTION_MODE) or "",
        phase=ENDINGS.get(run.status, phase) if run.status else phase,
        since=run.close_time or run.start_time,
        is_running=run.status is RUNNING,
        workflow_id=run.id,
        run_id=run.run_id,
        events=(await memory_of(telling)).all_events,
        has_begun=bool(run.typed_search_attributes.get(STRATEGY)),
    )


async def _detailed(client: Client, listed: AccountStatus) -> AccountStatus:
    """What only the workflow itself knows: asked of the running ones, whose list entry may lag.

    One that was refused before it began left nothing in the list but that; its failure tells why.
    """
    if not listed.is_running:
        if listed.has_begun or listed.phase != Phase.FAILED.value:
            return listed
        return replace(listed, detail=(await ending_of(handle_of(client, listed.account, listed.run_id))).message)
    answer = await query_status(handle_of(client, listed.account))
    if answer is None:
        return replace(listed, detail="no worker answers")
    return replace(
        listed,
        strategy=answer.strategy or listed.strategy,
        mode=answer.mode.value if answer.mode else listed.mode,
        phase=answer.phase.value,
        since=answer.since,
        detail=answer.detail,
        orders=answer.orders,
        waiting_plan=answer.waiting_plan,
        events=answer.events,
    )
