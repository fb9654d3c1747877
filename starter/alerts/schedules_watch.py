"""Looks at what schedules started: one list of those times that failed, and a question for each about its reason."""

from datetime import UTC, datetime
from typing import Final

from temporalio.client import Client, WorkflowExecution, WorkflowFailureError
from temporalio.common import SearchAttributeKey
from temporalio.exceptions import ApplicationError

from contract.alerts import Alert, alert_id
from contract.schedules import SCHEDULED_WORKFLOW_TYPE
from rebalancing.alerts import AlertKind
from starter.alerts.outbox import Outbox

MOST_FAILED: Final = 500
"""So many are listed at a look; a schedule comes once an hour at most."""

SCHEDULE: Final = SearchAttributeKey.for_keyword("TemporalScheduledById")
"""Where the server tells by which schedule a workflow was started."""


async def look_at_schedule_failures(client: Client, outbox: Outbox, horizon: datetime) -> None:
    """Have told which times of schedules failed since the horizon. Raises ``RPCError``."""
    at = horizon.astimezone(UTC).isoformat()
    query = (
        f"WorkflowType = '{SCHEDULED_WORKFLOW_TYPE}' AND ExecutionStatus IN ('Failed', 'TimedOut', 'Terminated') "
        f"AND CloseTime >= '{at}'"
    )
    async for listed in client.list_workflows(query, limit=MOST_FAILED):
        name = listed.typed_search_attributes.get(SCHEDULE)
        own_id = alert_id(AlertKind.SCHEDULE_FAILED, listed.run_id)
        if name is not None and not outbox.knows(own_id):
            await outbox.fact(await _alert(client, listed, name, own_id))


async def _alert(client: Client, listed: WorkflowExecution, name: str, own_id: str) -> Alert:
    cause: BaseException | None = None
    try:
        await client.get_workflow_handle(listed.id, run_id=listed.run_id).result(follow_runs=False)
    except WorkflowFailureError as error:
        cause = error.cause
    return Alert(
        alert_id=own_id,
        kind=AlertKind.SCHEDULE_FAILED,
        at=listed.close_time or datetime.now(UTC),
        subject=name,
        detail=(cause.type or "") if isinstance(cause, ApplicationError) else "",
        reason=str(getattr(cause, "message", "")),
        workflow_id=listed.id,
        run_id=listed.run_id,
    )
