"""What a run must know before it begins: configuration, and the events earlier runs took on (promise P2)."""

from typing import ClassVar

from temporalio import activity
from temporalio.client import Client, WorkflowExecution

from rebalancing.base import FrozenModel, Weight
from rebalancing.configuration import Configuration
from rebalancing.errors import RebalancerError
from rebalancing.requests import Opening, OpeningRequest
from rebalancing.triggers import EventRing

EVENTS_MEMO = "events"
"""The memo under which a run keeps what it remembers (the workflow writes it under the same name)."""

TARGETS_MEMO = "last_targets"
"""The memo with the targets of the last finished rebalance (likewise)."""


class Remembered(FrozenModel):
    """What a run's memo holds."""

    events: EventRing = EventRing()
    last_targets: dict[str, Weight] | None = None


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
        """The account's configuration, the settings, and what the latest earlier run remembers.

        Raises:
            AccountUnknown: the account is not configured, or switched off.
            RunNotListed: the server's list lags; trying again helps.
        """
        account = self._configuration.account(request.account)
        remembered = await self._remembered(request)
        return Opening(
            account=account,
            settings=self._configuration.settings,
            events=remembered.events,
            last_targets=remembered.last_targets,
        )

    async def _remembered(self, request: OpeningRequest) -> Remembered:
        query = f"WorkflowId = '{request.workflow_id}'"
        runs = [run async for run in self._client.list_workflows(query)]
        if request.run_id not in {run.run_id for run in runs}:
            raise RunNotListed(f"Run {request.run_id} of {request.workflow_id} is not listed yet.")
        earlier = [run for run in runs if run.run_id != request.run_id]
        for run in sorted(earlier, key=lambda run: run.start_time, reverse=True):
            remembered = await self._memo_of(run)
            if remembered is not None:
                return remembered
        return Remembered()

    async def _memo_of(self, run: WorkflowExecution) -> Remembered | None:
        """The memo as the run itself has it: the list may show an older one."""
        handle = self._client.get_workflow_handle(run.id, run_id=run.run_id)
        description = await handle.describe()
        ring = await description.memo_value(EVENTS_MEMO, default=None, type_hint=EventRing)
        if ring is None:
            return None
        targets = await description.memo_value(TARGETS_MEMO, default=None, type_hint=dict[str, Weight])
        return Remembered(events=ring, last_targets=targets)
