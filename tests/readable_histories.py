"""What every history must show in Temporal's UI: each step and each timer says in words what it is."""

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowExecution, WorkflowHistory
from temporalio.service import RPCError

from contract.alerts import ALERT_WORKFLOW_TYPE, DIGEST_WORKFLOW_TYPE
from contract.names import WORKFLOW_TYPE
from contract.schedules import SCHEDULED_WORKFLOW_TYPE
from contract.summaries import LONGEST_SUMMARY

SERVER_LIMIT = 400
"""Bytes of a summary with what is written around it, by a server's default."""

LOOKED_AT = 20
"""So many runs of each type are looked at."""

LOCAL_ACTIVITY = "core_local_activity"

TYPES = (WORKFLOW_TYPE, SCHEDULED_WORKFLOW_TYPE, ALERT_WORKFLOW_TYPE, DIGEST_WORKFLOW_TYPE)
"""Those whose steps an operator looks at."""

STEPS = (EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED, EventType.EVENT_TYPE_TIMER_STARTED)


def steps_of(history: WorkflowHistory) -> list[HistoryEvent]:
    """The activities, local ones too, and the timers of a history."""
    return [
        event
        for event in history.events
        if event.event_type in STEPS or event.marker_recorded_event_attributes.marker_name == LOCAL_ACTIVITY
    ]


def summary_of(event: HistoryEvent) -> str:
    """The words beside an event, as they are written: in quotes."""
    return event.user_metadata.summary.data.decode()


async def in_clear(client: Client, history: WorkflowHistory) -> WorkflowHistory:
    """The history with its summaries as whoever has the key reads them."""
    codec = client.data_converter.payload_codec
    assert codec is not None
    for event in history.events:
        (told,) = await codec.decode([event.user_metadata.summary])
        event.user_metadata.summary.CopyFrom(told)
    return history


def unreadable(history: WorkflowHistory) -> list[str]:
    """The steps and timers that say nothing, or too much for a server."""
    return [
        f"{history.workflow_id}: event {event.event_id} {EventType.Name(event.event_type)}: {summary_of(event)!r}"
        for event in steps_of(history)
        if len(summary_of(event)) <= len('""')
        or len(summary_of(event).encode()) > LONGEST_SUMMARY + len('""')
        or event.user_metadata.summary.ByteSize() > SERVER_LIMIT
    ]


async def _history(client: Client, run: WorkflowExecution) -> WorkflowHistory:
    return await client.get_workflow_handle(run.id, run_id=run.run_id).fetch_history()


async def unreadable_steps(client: Client) -> list[str]:
    """The same of all histories on this server; none where it is away by now."""
    try:
        runs = [
            run for each in TYPES async for run in client.list_workflows(f"WorkflowType = '{each}'", limit=LOOKED_AT)
        ]
        return [step for run in runs for step in unreadable(await in_clear(client, await _history(client, run)))]
    except RPCError:
        return []
