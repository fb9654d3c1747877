"""The application's word, read from Temporal: every run's history, and where each account stands."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from google.protobuf.message import Message
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus

from chaos.evidence import AccountWord, Run
from contract.memory import memory_of
from contract.messages import RunInput, RunResult
from contract.names import EVENTS_MEMO, PHASE, WORKFLOW_TYPE, workflow_id
from contract.requests import PlaceRequest
from rebalancing.orders.order import Intent, OrderReport
from rebalancing.triggers import EventRing

REPORTING: Final = ("place_leg", "acknowledge_leg", "await_fills", "cancel_orders")
"""The activities whose results are order reports."""


async def read_runs(client: Client) -> tuple[Run, ...]:
    """Every run of every account, oldest first."""
    listed = [each async for each in client.list_workflows(f"WorkflowType = '{WORKFLOW_TYPE}'")]
    return tuple([await _read_run(client, each) for each in sorted(listed, key=lambda each: each.start_time)])


async def read_account(client: Client, account: str, runs: Sequence[Run]) -> AccountWord:
    """Where an account stands: its latest run's phase, and the events it remembers."""
    description = await client.get_workflow_handle(workflow_id(account)).describe()
    latest = next((run for run in runs if run.run_id == description.run_id), None)
    return AccountWord(
        events=(await memory_of(description)).all_events,
        is_running=description.status is WorkflowExecutionStatus.RUNNING,
        phase=description.typed_search_attributes.get(PHASE) or "",
        last_outcome=latest.outcome if latest else None,
    )


async def _read_run(client: Client, listed: WorkflowExecution) -> Run:
    handle = client.get_workflow_handle(listed.id, run_id=listed.run_id)
    history = await handle.fetch_history()
    for event in history.events:
        await _in_clear(client, event)
    return run_of(listed.id.removeprefix("rebalance-"), listed.run_id, history.events)


async def _in_clear(client: Client, message: Message) -> None:
    """Put in the place of every encrypted payload of a message what was encrypted."""
    codec = client.data_converter.payload_codec
    assert codec is not None
    for field, value in message.ListFields():
        is_map = field.message_type is not None and field.message_type.GetOptions().map_entry
        found = list(value.values()) if is_map else list(value) if field.is_repeated else [value]
        for each in found:
            if isinstance(each, Payload):
                each.CopyFrom((await codec.decode([each]))[0])
            elif isinstance(each, Message):
                await _in_clear(client, each)


def run_of(account: str, run_id: str, events: Sequence[HistoryEvent]) -> Run:
    """What one run's history tells."""
    names: dict[int, str] = {}
    intents: list[Intent] = []
    reports: dict[str, OrderReport] = {}
    before, after = None, EventRing()
    result: RunResult | None = None
    status, failure = "running", ""
    for event in events:
        kind = event.WhichOneof("attributes")
        match kind:
            case "activity_task_scheduled_event_attributes":
                asked = event.activity_task_scheduled_event_attributes
                names[event.event_id] = asked.activity_type.name
                if asked.activity_type.name == "place_leg":
                    intents += PlaceRequest.model_validate(_decoded(asked.input.payloads)).intents
            case "activity_task_completed_event_attributes":
                done = event.activity_task_completed_event_attributes
                name = names[done.scheduled_event_id]
                if name in REPORTING:
                    found = _decoded(done.result.payloads)
                    each_report = found["reports"] if isinstance(found, dict) else found
                    told = [OrderReport.model_validate(each) for each in each_report]
                    reports |= {report.ref: report for report in told}
            case "workflow_properties_modified_event_attributes":
                fields = event.workflow_properties_modified_event_attributes.upserted_memo.fields
                if EVENTS_MEMO in fields:
                    after = EventRing.model_validate(_decoded([fields[EVENTS_MEMO]]))
            case "workflow_execution_started_event_attributes":
                start = event.workflow_execution_started_event_attributes
                before = RunInput.model_validate(_decoded(start.input.payloads)).events
            case "marker_recorded_event_attributes":
                before = before or _opening_events(event.marker_recorded_event_attributes.details)
            case "workflow_execution_completed_event_attributes":
                done = event.workflow_execution_completed_event_attributes
                status, result = "completed", RunResult.model_validate(_decoded(done.result.payloads))
            case "workflow_execution_continued_as_new_event_attributes":
                status = "continued"
            case "workflow_execution_failed_event_attributes":
                status = "failed"
                failure = _words(event.workflow_execution_failed_event_attributes.failure)
            case str() if kind.startswith("workflow_execution_") and kind.split("_")[2] in _OTHER_ENDS:
                status = kind.split("_")[2]
            case _:
                pass
    return Run(
        account=account,
        run_id=run_id,
        status=status,
        intents=frozenset(each.ref for each in intents),
        figures={each.ref: each.figures for each in intents},
        traded=frozenset(each.account for each in intents),
        reports=reports,
        carried=_completed(after) - _completed(before or EventRing()),
        outcome=result.outcome if result else None,
        failure=failure,
    )


_OTHER_ENDS: Final = ("canceled", "terminated", "timed")


def _opening_events(details: Mapping[str, Payloads]) -> EventRing | None:
    """What earlier runs remembered, if this is where the run was told it."""
    if "data" not in details or _decoded(details["data"].payloads).get("activity_type") != "open_rebalance":
        return None
    told = _decoded(details["result"].payloads) if "result" in details else {}
    return EventRing.model_validate(told["events"]) if "events" in told else None


def _completed(ring: EventRing) -> frozenset[str]:
    return frozenset(each.event_id for each in ring.records if each.status.is_carried_out)


def _decoded(payloads: Sequence[Payload]) -> Any:
    return json.loads(payloads[0].data) if payloads else []


def _words(failure: Failure) -> str:
    told = _decoded([failure.encoded_attributes]) if failure.HasField("encoded_attributes") else {}
    return told.get("message", failure.message)
