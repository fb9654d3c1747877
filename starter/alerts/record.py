"""Since when alerts are sent, and how often each schedule was missed as far as that was told: a workflow that runs."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Final

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryReverseRequest
from temporalio.client import Client, WorkflowExecutionDescription
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from contract.alerts import MISSED_SIGNAL, RECORD_ID, RECORD_QUEUE, RECORD_WORKFLOW_TYPE
from starter.desk.temporal_errors import is_unknown

MISSED_MEMO: Final = "missed"

Missed = Mapping[str, int]
"""How often each schedule was missed, by its name."""


class AlertRecord:
    """What Temporal remembers of alerts beside those it tells. Every method raises ``RPCError``."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def born(self) -> datetime | None:
        """Since when alerts are sent; ``None`` before there were any."""
        found = await self._described()
        return found.start_time if found else None

    async def establish(self, missed: Missed) -> datetime:
        """Begin it with what was missed until now and is not told, unless somebody else just did; since when it is."""
        with suppress(WorkflowAlreadyStartedError):
            await self._client.start_workflow(
                RECORD_WORKFLOW_TYPE,
                id=RECORD_ID,
                task_queue=RECORD_QUEUE,
                memo={MISSED_MEMO: dict(missed)},
                static_summary="Since when alerts are sent; do not end it",
            )
        return (await self._client.get_workflow_handle(RECORD_ID).describe()).start_time

    async def missed(self) -> Missed:
        """What was told last, or known at the beginning."""
        request = GetWorkflowExecutionHistoryReverseRequest(
            namespace=self._client.namespace, execution=WorkflowExecution(workflow_id=RECORD_ID), maximum_page_size=10
        )
        answer = await self._client.workflow_service.get_workflow_execution_history_reverse(request)
        for event in answer.history.events:
            signal = event.workflow_execution_signaled_event_attributes
            if signal.signal_name == MISSED_SIGNAL:
                with suppress(Exception):  # whatever a converter makes of what somebody sent by hand
                    (told,) = await self._client.data_converter.decode(signal.input.payloads, [dict[str, int]])
                    return told
        found = await self._described()
        return await found.memo_value(MISSED_MEMO, default={}, type_hint=dict[str, int]) if found else {}

    async def note(self, missed: Missed) -> None:
        """Remember that these were told."""
        await self._client.get_workflow_handle(RECORD_ID).signal(MISSED_SIGNAL, dict(missed))

    async def _described(self) -> WorkflowExecutionDescription | None:
        """It, where it runs."""
        try:
            found = await self._client.get_workflow_handle(RECORD_ID).describe()
        except RPCError as error:
            if is_unknown(error):
                return None
            raise
        return found if found.close_time is None else None
