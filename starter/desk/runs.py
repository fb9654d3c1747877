"""Runs as the server lists them, with what each left in its memo: no worker is asked about what is over."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus

from contract.encryption import PayloadAltered, PayloadKeyUnknown
from contract.names import EXECUTION_MODE, PHASE, STRATEGY, WORKFLOW_TYPE, account_of, workflow_id
from contract.run_summary import RunSummary, summary_in
from rebalancing.outcomes import Phase
from rebalancing.triggers import ExecutionMode

PAGE: Final = 1000
"""Runs that the server lists at once."""

RUNNING: Final = WorkflowExecutionStatus.RUNNING

ENDINGS: Final = {
    WorkflowExecutionStatus.FAILED: Phase.FAILED.value,
    WorkflowExecutionStatus.CANCELED: Phase.CANCELLED.value,
    WorkflowExecutionStatus.TERMINATED: "terminated",
    WorkflowExecutionStatus.TIMED_OUT: "timed out",
}
"""How the server says that a run ended, which goes before what the run could still say itself."""

UNSUCCESSFUL: Final = (*ENDINGS.values(), Phase.INCOMPLETE.value, Phase.EXPIRED.value)
"""How a run ends that did not do what it was asked."""

OURS: Final = f"WorkflowType = '{WORKFLOW_TYPE}'"


@dataclass(frozen=True)
class Run:
    """One run of an account. ``phase`` is where it stands or how it ended; ``is_idle``: it found nothing new to do.

    ``summary`` is ``None`` for one that is not over, was cut short, or is older than summaries are. ``unread`` says why
    it cannot be read, where a key is missing for that.
    """

    account: str
    workflow_id: str
    run_id: str
    strategy: str
    mode: str
    phase: str
    is_running: bool
    is_idle: bool
    started_at: datetime
    closed_at: datetime | None
    summary: RunSummary | None
    unread: str = ""

    @property
    def has_failed(self) -> bool:
        """Whether it is over without having done what it was asked."""
        return not self.is_running and self.phase in UNSUCCESSFUL

    @property
    def is_live(self) -> bool:
        """Whether it trades, or did."""
        return self.mode == ExecutionMode.REBALANCE

    def as_json(self) -> Mapping[str, object]:
        """For programs; times in ISO 8601, money and percentages as text."""
        return {
            "account": self.account,
            "run_id": self.run_id,
            "workflow_id": self.workflow_id,
            "strategy": self.strategy,
            "mode": self.mode,
            "phase": self.phase,
            "running": self.is_running,
            "started_at": self.started_at.isoformat(),
            "finished_at": self.closed_at.isoformat() if self.closed_at else None,
            "summary": self.summary.model_dump(mode="json") if self.summary else None,
        }


async def run_of(listed: WorkflowExecution) -> Run:
    """A run as it is listed; a memo that cannot be read is as good as none."""
    attributes = listed.typed_search_attributes
    summary, unread = None, ""
    try:
        summary = await summary_in(listed)
    except (PayloadKeyUnknown, PayloadAltered) as error:
        unread = str(error)
    except Exception:  # a converter may raise anything, and one run must not hide the others
        summary = None
    shown = attributes.get(PHASE) or Phase.STARTING.value
    told = summary.phase.value if summary else shown
    strategy = attributes.get(STRATEGY) or ""
    return Run(
        account=account_of(listed.id),
        workflow_id=listed.id,
        run_id=listed.run_id,
        strategy=strategy,
        mode=attributes.get(EXECUTION_MODE) or (summary.mode.value if summary else ""),
        phase=ENDINGS.get(listed.status, told) if listed.status else told,
        is_running=listed.status is RUNNING,
        is_idle=listed.status is WorkflowExecutionStatus.COMPLETED and not strategy and summary is None,
        started_at=listed.start_time,
        closed_at=listed.close_time,
        summary=summary,
        unread=unread,
    )


def is_own(listed: WorkflowExecution) -> bool:
    """Whether it runs under an account's one id; any other is refused and does nothing (promise P1)."""
    return listed.id == workflow_id(account_of(listed.id))


async def listed_runs(client: Client, query: str = "", limit: int = PAGE) -> AsyncGenerator[WorkflowExecution]:
    """The runs that the query names besides, at most so many: what is open first, then what closed last.

    Raises ``RPCError``.
    """
    asked = f"{OURS} AND {query}" if query else OURS
    async for listed in client.list_workflows(asked, page_size=min(PAGE, limit), limit=limit):
        if is_own(listed):
            yield listed
