"""What a run must know before it begins: configuration, and the events earlier runs took on (promise P2)."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC
from typing import ClassVar, Final, cast

from pydantic import ValidationError
from temporalio import activity
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus
from temporalio.service import RPCError

from configuration.configuration_in_use import ConfigurationInUse
from contract.activities import OpeningContract
from contract.names import EVENTS_MEMO, TARGETS_MEMO, TRIGGER_SIGNAL
from contract.requests import Opening, OpeningRequest
from rebalancing.base import FrozenModel, Weight
from rebalancing.errors import RebalancerError
from rebalancing.settings import EventSettings, Settings
from rebalancing.triggers import EventRing, Trigger

CUT_SHORT: Final = (WorkflowExecutionStatus.TERMINATED, WorkflowExecutionStatus.TIMED_OUT)
"""How runs end that had no chance to write down what they had been sent."""


class Remembered(FrozenModel):
    """What earlier runs remember."""

    events: EventRing = EventRing()
    last_targets: dict[str, Weight] | None = None


class RunNotListed(RebalancerError):
    """The server does not list the asking run yet, so an earlier one might be missing from the list too."""

    retryable: ClassVar[bool] = True


class OpeningActivities(OpeningContract):
    """Answers from the configuration file and from Temporal itself, which is our only store."""

    def __init__(self, configuration: ConfigurationInUse, client: Client) -> None:
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
            account=account.without_secrets,
            settings=await self._settings(),
            events=remembered.events,
            last_targets=remembered.last_targets,
        )

    async def _settings(self) -> Settings:
        """The settings in force. An event older than the server keeps closed runs may have been carried out by one that
        is forgotten, so it is too old whatever the configuration says."""
        settings = self._configuration.settings
        try:
            described = await self._client.workflow_service.describe_namespace(
                DescribeNamespaceRequest(namespace=self._client.namespace)
            )
        except RPCError:  # some servers let nobody ask
            return settings
        kept = described.config.workflow_execution_retention_ttl.ToTimedelta().total_seconds()
        if not 0 < kept < settings.events.maximum_age:
            return settings
        return settings.model_copy(update={"events": EventSettings(maximum_age=kept)})

    async def _remembered(self, request: OpeningRequest) -> Remembered:
        """What the latest run that wrote anything down remembers, and what was sent to those that were cut short."""
        query = f"WorkflowId = '{request.workflow_id}'"
        runs = [run async for run in self._client.list_workflows(query)]
        if request.run_id not in {run.run_id for run in runs}:
            raise RunNotListed(f"Run {request.run_id} of {request.workflow_id} is not listed yet.")
        earlier = [run for run in runs if run.run_id != request.run_id]
        unwritten: list[Trigger] = []
        for run in sorted(earlier, key=lambda run: run.start_time, reverse=True):
            description = await self._client.get_workflow_handle(run.id, run_id=run.run_id).describe()
            if description.status in CUT_SHORT:
                unwritten += await self._sent_to(run, request.account)
            # The memo as the run itself has it: the list may show an older one.
            ring = await description.memo_value(EVENTS_MEMO, default=None, type_hint=EventRing)
            if ring is not None:
                targets = await description.memo_value(TARGETS_MEMO, default=None, type_hint=dict[str, Weight])
                return Remembered(events=ring.after_ending_early(unwritten), last_targets=targets)
        return Remembered(events=EventRing().after_ending_early(unwritten))

    async def _sent_to(self, run: WorkflowExecution, account: str) -> list[Trigger]:
        """The triggers in a run's history, whether or not a worker ever saw them."""
        sent: list[Trigger] = []
        handle = self._client.get_workflow_handle(run.id, run_id=run.run_id)
        async for event in handle.fetch_history_events():
            # Whatever else somebody sent by hand, the workflow took it as little as it is taken here.
            for payload in await self._triggers_in(event):
                with suppress(ValidationError):
                    sent.append(Trigger.from_signal(payload, account, event.event_time.ToDatetime(tzinfo=UTC)))
        return [trigger for trigger in sent if trigger.account == account]

    async def _triggers_in(self, event: HistoryEvent) -> Sequence[object]:
        """The payloads that ask for something: a signal's, or those a run was started with."""
        signal = event.workflow_execution_signaled_event_attributes
        start = event.workflow_execution_started_event_attributes
        payloads = signal.input.payloads if signal.signal_name == TRIGGER_SIGNAL else start.input.payloads
        try:
            given = await self._client.data_converter.decode(payloads)
        except Exception:  # a converter may raise anything
            return ()
        if signal.signal_name == TRIGGER_SIGNAL:
            return given
        triggers = [cast("dict[str, object]", one).get("triggers") for one in given if isinstance(one, dict)]
        return [trigger for one in triggers if isinstance(one, list) for trigger in cast("list[object]", one)]
