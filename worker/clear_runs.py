"""Open runs of before there was a key: where seals are required, what they were answered counts no more."""

import logging
from typing import Final

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from contract.encryption import ENCODING, EncryptingCodec
from contract.releases import OPEN_RUNS

log = logging.getLogger(__name__)

FIRST_EVENTS: Final = 20
"""A run is answered first within these."""


async def tell_of_clear_runs(client: Client) -> None:
    """Say which open runs cannot be gone on with, and what to do, where that is so. Raises ``RPCError``."""
    codec = client.data_converter.payload_codec
    if not (isinstance(codec, EncryptingCodec) and codec.refuses_clear):
        return
    runs = client.list_workflows(OPEN_RUNS)
    found = [run.id async for run in runs if await _began_in_clear(client, run.id, run.run_id)]
    if found:
        log.warning(
            "begun before there was a key, so nothing goes on with them: %s. Say `seals: optional` until they are "
            'over, or end them: docs/encryption.md, "What is refused"',
            ", ".join(found),
        )


async def _began_in_clear(client: Client, workflow_id: str, run_id: str) -> bool:
    request = GetWorkflowExecutionHistoryRequest(
        namespace=client.namespace,
        execution=WorkflowExecution(workflow_id=workflow_id, run_id=run_id),
        maximum_page_size=FIRST_EVENTS,
    )
    try:
        events = (await client.workflow_service.get_workflow_execution_history(request)).history.events
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return False
        raise
    answers = [
        *(event.marker_recorded_event_attributes.details.get("result") for event in events),
        *(event.activity_task_completed_event_attributes.result for event in events),
    ]
    payloads = [payload for answer in answers if answer is not None for payload in answer.payloads]
    return any(payload.metadata.get("encoding") != ENCODING.encode() for payload in payloads)
