"""Why a run does not go on although it could: its code fails, or the release it belongs to has no worker.

All of it is the server's own word. A worker answers for a run by running the run's code, so it is the last to ask here.
"""

from typing import Final

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.errordetails.v1 import QueryFailedFailure
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryReverseRequest
from temporalio.client import Client, WorkflowExecutionDescription
from temporalio.service import RPCError

from contract.encryption import PayloadRefused
from contract.releases import release_of
from starter.desk.failure_words import words_of

LATEST_EVENTS: Final = 10
"""A step of the code that fails is the last of a history; few signals come after it."""

LONGEST_REASON: Final = 200
"""Characters of an error that are told."""

NO_REPLAY: Final = "TMPRL1100"
"""What the client library calls it if code does other steps than the history has."""

OTHER_STEPS: Final = "this release does other steps than the run has done already"


async def why_unanswered(client: Client, description: WorkflowExecutionDescription, said: Exception) -> str:
    """Why no worker answers for a run that is at work; ``said`` is what came for an answer. Raises ``RPCError``.

    One that waits has no step whose failure the server would keep: only who asks it something is told.
    """
    words = await _words(client, said)
    is_told = NO_REPLAY in words or PayloadRefused.HOW_TOLD in words
    if reason := _told(words) if is_told else await code_failure(client, description):
        return f"no worker can go on with it: {reason}"
    release = release_of(description)
    return f"no worker answers of its release {release}" if release else "no worker answers"


async def code_failure(client: Client, description: WorkflowExecutionDescription) -> str:
    """What the run's own code fails with, again and again; empty where it does not. Raises ``RPCError``."""
    if description.raw_description.pending_workflow_task.attempt <= 1:
        return ""
    answer = await client.workflow_service.get_workflow_execution_history_reverse(
        GetWorkflowExecutionHistoryReverseRequest(
            namespace=client.namespace,
            execution=WorkflowExecution(workflow_id=description.id, run_id=description.run_id),
            maximum_page_size=LATEST_EVENTS,
        )
    )
    for event in answer.history.events:
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED:
            return _told(await words_of(client.data_converter, event.workflow_task_failed_event_attributes.failure))
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
            break
    return ""  # no worker took it in time, which is tried again too


async def _words(client: Client, said: Exception) -> str:
    """In clear what a worker said to a query: the server hands it on beside an error of its own."""
    answer = said.__context__
    if isinstance(answer, RPCError):
        for detail in answer.grpc_status.details:
            failed = QueryFailedFailure()
            if detail.Unpack(failed) and failed.HasField("failure"):
                return await words_of(client.data_converter, failed.failure)
    return str(said)


def _told(message: str) -> str:
    told = " ".join(message.split())
    if NO_REPLAY in told:
        return f"{OTHER_STEPS} ({NO_REPLAY})"
    return told[:LONGEST_REASON] or "its code failed"
