"""What a run must know before it begins: configuration, and the events earlier runs took on (promise P2)."""

from typing import ClassVar

from temporalio import activity
from temporalio.client import Client, WorkflowExecution

from rebalancing.configuration import Configuration
from rebalancing.errors import RebalancerError
from rebalancing.requests import Opening, OpeningRequest
from rebalancing.triggers import EventRing

EVENTS_MEMO = "events"
"""The memo under which a run keeps what it remembers (the workflow writes it under the same name)."""


class RunNotListed(RebalancerError):
    """The server does not list the asking run yet, so an earlier one might be missing from the list too."""

    retryable: ClassVar[bool] = True


class OpeningActivities:
    """Answers from the configuration file and from Temporal itself, which is our only store."""

    def __init__(self, configuration: Configuration, client: Client) -> None:
        self._configuration = configuration
        self._client = client

    @activity.defn
    async def open_rebalance(self, request: OpeningRequest) -> Opening:
        """The account's configuration, the settings, and the event ring of the latest earlier run.

        Raises:
            AccountUnknown: the account is not configured, or switched off.
            RunNotListed: the server's list lags; trying again helps.
        """
        account = self._configuration.account(request.account)
        return Opening(account=account, settings=self._configuration.settings, events=await self._remembered(request))

    async def _remembered(self, request: OpeningRequest) -> EventRing:
        query = f"WorkflowId = '{request.workflow_id}'"
        runs = [run async for run in self._client.list_workflows(query)]
        if request.run_id not in {run.run_id for run in runs}:
            raise RunNotListed(f"Run {request.run_id} of {request.workflow_id} is not listed yet.")
        earlier = [run for run in runs if run.run_id != request.run_id]
        for run in sorted(earlier, key=lambda run: run.start_time, reverse=True):
            ring = await self._ring_of(run)
            if ring is not None:
                return ring
        return EventRing()

    async def _ring_of(self, run: WorkflowExecution) -> EventRing | None:
        """The memo as the run itself has it: the list may show an older one."""
        handle = self._client.get_workflow_handle(run.id, run_id=run.run_id)
        description = await handle.describe()
        return await description.memo_value(EVENTS_MEMO, default=None, type_hint=EventRing)
