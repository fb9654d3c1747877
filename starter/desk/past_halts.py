"""Halts and pauses, those that have ended too: each is a workflow that does nothing (``contract.halts``)."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from temporalio.api.common.v1 import WorkflowExecution as Execution
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryReverseRequest
from temporalio.client import Client, WorkflowExecution
from temporalio.service import RPCError

from contract.halts import ALL_HALTS, Halt, halt_of

MOST_HALTS: Final = 100
"""So many of the latest are told."""

_ENDED_BY: Final = "ended by "


@dataclass(frozen=True)
class PastHalt:
    """A halt or a pause, over or not. ``ending`` is what was said when it was ended."""

    halt: Halt
    ended_at: datetime | None
    ended_by: str
    ending: str

    @property
    def what(self) -> str:
        """It in words."""
        if self.halt.strategy is not None:
            return f"pause of strategy {self.halt.strategy}"
        if self.halt.is_about_history:
            return f"history of {self.halt.account} not whole"
        return "halt" if self.halt.account is None else f"pause of {self.halt.account}"


async def all_halts(client: Client, since: datetime | None = None) -> Sequence[PastHalt]:
    """The latest halts and pauses; with ``since``, those that were not over by then. Raises ``RPCError``."""
    query = ALL_HALTS
    if since is not None:
        query += f" AND (ExecutionStatus = 'Running' OR CloseTime >= '{since.astimezone(UTC).isoformat()}')"
    listed = [each async for each in client.list_workflows(query, limit=MOST_HALTS)]
    return await asyncio.gather(*(past_halt(client, each) for each in listed))


async def past_halt(client: Client, listed: WorkflowExecution) -> PastHalt:
    """One as it is listed; where it is over, with what was said when it was ended. Raises ``RPCError``."""
    ending = await _ending(client, listed) if listed.close_time else ""
    by, _, why = ending.removeprefix(_ENDED_BY).partition(": ") if ending.startswith(_ENDED_BY) else ("", "", ending)
    return PastHalt(await halt_of(listed), listed.close_time, by, f"ended{f': {why}' if why else ''}")


async def _ending(client: Client, listed: WorkflowExecution) -> str:
    """The reason that was given to end it."""
    request = GetWorkflowExecutionHistoryReverseRequest(
        namespace=client.namespace,
        execution=Execution(workflow_id=listed.id, run_id=listed.run_id),
        maximum_page_size=1,
    )
    try:
        answer = await client.workflow_service.get_workflow_execution_history_reverse(request)
    except RPCError:
        return ""
    events = answer.history.events
    return events[0].workflow_execution_terminated_event_attributes.reason if events else ""
