"""Halts and pauses, those that have ended too: each is a workflow that does nothing (``contract.halts``)."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from temporalio.api.common.v1 import WorkflowExecution as Execution
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryReverseRequest
from temporalio.client import Client, WorkflowExecution
from temporalio.service import RPCError

from contract.halts import HALT_ID, REASON_MEMO, WHO_MEMO, pause_id, strategy_pause_id

MOST_HOLDS: Final = 100
"""So many of the latest are told."""

_PAUSE: Final = pause_id("")
_STRATEGY: Final = strategy_pause_id("")
_ENDED_BY: Final = "ended by "


@dataclass(frozen=True)
class Hold:
    """A halt, or the pause of an ``account`` or a ``strategy``. ``ending`` is what was said when it was ended."""

    workflow_id: str
    began_at: datetime
    who: str = ""
    reason: str = ""
    ended_at: datetime | None = None
    ended_by: str = ""
    ending: str = ""

    @property
    def strategy(self) -> str | None:
        """The strategy that is paused, if it is one."""
        return self.workflow_id.removeprefix(_STRATEGY) if self.workflow_id.startswith(_STRATEGY) else None

    @property
    def account(self) -> str | None:
        """The account that is paused, if it is one."""
        is_account = self.workflow_id.startswith(_PAUSE) and self.strategy is None
        return self.workflow_id.removeprefix(_PAUSE) if is_account else None

    @property
    def what(self) -> str:
        """It in words."""
        if self.strategy is not None:
            return f"pause of strategy {self.strategy}"
        return f"pause of {self.account}" if self.account is not None else "halt"


async def holds(client: Client, since: datetime | None = None) -> Sequence[Hold]:
    """The latest halts and pauses; with ``since``, those that were not over by then. Raises ``RPCError``."""
    query = f"(WorkflowId = '{HALT_ID}' OR WorkflowId STARTS_WITH '{_PAUSE}')"
    if since is not None:
        query += f" AND (ExecutionStatus = 'Running' OR CloseTime >= '{since.astimezone(UTC).isoformat()}')"
    listed = [each async for each in client.list_workflows(query, limit=MOST_HOLDS)]
    return await asyncio.gather(*(_hold(client, each) for each in listed))


async def _hold(client: Client, listed: WorkflowExecution) -> Hold:
    ending = await _ending(client, listed) if listed.close_time else ""
    by, _, why = ending.removeprefix(_ENDED_BY).partition(": ") if ending.startswith(_ENDED_BY) else ("", "", ending)
    return Hold(
        workflow_id=listed.id,
        began_at=listed.start_time,
        who=await _told(listed, WHO_MEMO),
        reason=await _told(listed, REASON_MEMO),
        ended_at=listed.close_time,
        ended_by=by,
        ending=f"ended{f': {why}' if why else ''}",
    )


async def _told(listed: WorkflowExecution, key: str) -> str:
    """A memo value in words; it only explains."""
    with suppress(Exception):  # a converter may raise anything
        return " ".join(str(await listed.memo_value(key, default="")).split())
    return ""


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
