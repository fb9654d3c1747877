"""What a run must know before it begins: configuration, and the events earlier runs took on (promise P2)."""

from collections.abc import AsyncGenerator, AsyncIterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import ClassVar, Final, cast

from pydantic import ValidationError
from temporalio import activity
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from activities.halts import Halts
from activities.seals import Seals
from configuration.configuration_in_use import ConfigurationInUse
from contract.activities import OpeningContract
from contract.encryption import PayloadKeyUnknown
from contract.memory import Memory, memory_of
from contract.names import TRIGGER_SIGNAL, workflow_id
from contract.names_in_history import claim_name
from contract.requests import Opening, OpeningRequest
from contract.restored_history import restored_at
from rebalancing.base import FrozenModel, Instant, Weight
from rebalancing.errors import RebalancerError
from rebalancing.settings import EventSettings, Settings
from rebalancing.triggers import EventRing, Trigger

CUT_SHORT: Final = (WorkflowExecutionStatus.TERMINATED, WorkflowExecutionStatus.TIMED_OUT)
"""How runs end that had no chance to write down what they had been sent."""


RUNS_AT_ONCE: Final = 5
"""Earlier runs that are listed together."""

RETENTION_LIFETIME: Final = timedelta(minutes=1)
"""How long the server's word on how long it keeps closed runs is good for: nobody changes that more than once."""


NEVER: Final = datetime.min.replace(tzinfo=UTC)


class Remembered(FrozenModel):
    """What earlier runs remember, the latest of which began then."""

    events: EventRing = EventRing()
    last_targets: dict[str, Weight] | None = None
    began_at: Instant | None = None

    def followed_by(self, later: "Remembered") -> "Remembered":
        """With what runs remember that were later."""
        targets = self.last_targets if later.last_targets is None else later.last_targets
        return later.model_copy(update={"events": self.events.followed_by(later.events), "last_targets": targets})


class RunNotListed(RebalancerError):
    """The server does not list the asking run yet, so an earlier one might be missing from the list too.

    Do: nothing; the server's list is a moment behind, and the run is asked again.
    """

    retryable: ClassVar[bool] = True


class OpeningActivities(OpeningContract):
    """Answers from the configuration file and from Temporal itself, which is our only store."""

    def __init__(self, configuration: ConfigurationInUse, client: Client, halts: Halts, seals: Seals) -> None:
        self._configuration = configuration
        self._client = client
        self._halts = halts
        self._seals = seals
        self._retention_told: tuple[datetime, float] | None = None

    @activity.defn
    async def open_rebalance(self, request: OpeningRequest) -> Opening:
        """The account's configuration, the settings, and what the latest earlier run remembers.

        Raises:
            AccountUnknown: the account is not configured, or switched off.
            AccountRenamed: something of it runs or is paused under an earlier name.
            RunNotListed, HaltsUnread, KeysUnread, PayloadKeyUnknown: trying again helps.
        """
        account = self._configuration.account(request.account)
        number = self._configuration.names.number_of(request.account)
        earlier_names = await claim_name(self._client, number, request.account)
        seals = self._seals.findings(request)
        is_follow_up = request.is_follow_up if seals is None else seals.is_follow_up
        remembered = Remembered() if is_follow_up else await self._all_remembered(request, earlier_names)
        return Opening(
            account=account.without_secrets,
            settings=await self._settings(),
            events=remembered.events,
            last_targets=remembered.last_targets,
            held_by=await self._halts.what_holds(request.account),
            seals=seals,
            restored_at=await restored_at(self._client),
        )

    async def _settings(self) -> Settings:
        """The settings in force. An event older than the server keeps closed runs may have been carried out by one that
        is forgotten, so it is too old whatever the configuration says."""
        settings = self._configuration.settings
        kept = await self._retention()
        if kept is None or not 0 < kept < settings.events.maximum_age:
            return settings
        return settings.model_copy(update={"events": EventSettings(maximum_age=kept)})

    async def _retention(self) -> float | None:
        """For how many seconds the server keeps closed runs; ``None`` where it lets nobody ask."""
        now = datetime.now(UTC)
        if self._retention_told is None or now - self._retention_told[0] > RETENTION_LIFETIME:
            try:
                described = await self._client.workflow_service.describe_namespace(
                    DescribeNamespaceRequest(namespace=self._client.namespace)
                )
            except RPCError:
                return None
            kept = described.config.workflow_execution_retention_ttl.ToTimedelta().total_seconds()
            self._retention_told = now, kept
        return self._retention_told[1]

    async def _all_remembered(self, request: OpeningRequest, earlier_names: Sequence[str]) -> Remembered:
        """What runs of the account remember, whatever it was called: an event is the same under every name."""
        own = await self._remembered(request.account, self._runs_before(request.workflow_id, request.run_id))
        others = [await self._remembered(name, self._all_runs(workflow_id(name))) for name in earlier_names]
        told = sorted((own, *others), key=lambda each: each.began_at or NEVER)
        return reduce(Remembered.followed_by, told)

    async def _remembered(self, account: str, runs: AsyncIterable[WorkflowExecution]) -> Remembered:
        """What the latest run that came to its end remembers, and what was taken on by those that were cut short.

        Where seals are required, a memory that no run of ours wrote down may only add to what is known: whoever can
        start a workflow can give it any memory, also one in which an event is missing that was carried out.
        """
        begun: list[EventRing] = []
        unwritten: list[Trigger] = []
        began_at: datetime | None = None
        ended: Memory | None = None
        unproven: Memory | None = None
        # What is older would not be traded by, whatever is remembered of it.
        oldest = datetime.now(UTC) - timedelta(seconds=self._configuration.settings.events.maximum_age)
        async for run in runs:
            began_at = began_at or run.start_time
            description = await self._client.get_workflow_handle(run.id, run_id=run.run_id).describe()
            if description.status in CUT_SHORT:
                unwritten += await self._sent_to(run, account)
            # The memo as the run itself has it: the list may show an older one.
            memory = await memory_of(description)
            if memory.begun is not None:
                begun.append(memory.begun)
            if memory.events is None:
                continue
            if self._is_proven(memory, run, account):
                ended = memory
                break
            unproven = unproven or memory
            begun.append(memory.events)
            if run.close_time is not None and run.close_time < oldest:
                break
        ended = ended or unproven
        events = ended.events or EventRing() if ended else EventRing()
        for each in reversed(begun):
            events = events.followed_by(each)
        return Remembered(
            events=events.without_summaries.after_ending_early(unwritten),
            last_targets=ended.last_targets if ended else None,
            began_at=began_at,
        )

    def _is_proven(self, memory: Memory, run: WorkflowExecution, account: str) -> bool:
        """Whether what a run remembers is all that was known when it ended."""
        if not self._seals.are_required:
            return True
        return bool(run.run_id) and self._seals.is_proof(memory.proof, account, run.run_id)

    async def _all_runs(self, workflow: str) -> AsyncGenerator[WorkflowExecution]:
        """All runs of another workflow that is over, latest first."""
        try:
            latest = await self._client.get_workflow_handle(workflow).describe()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return
            raise
        yield latest
        async for run in self._runs_before(workflow, latest.run_id):
            yield run

    async def _runs_before(self, workflow: str, latest: str) -> AsyncGenerator[WorkflowExecution]:
        """The runs before this one, latest first, as the server lists them: what is open, then what closed last.

        They are read a few at a time: an account may have had thousands, and the latest one is nearly always enough.
        """
        listed = False
        runs = self._client.list_workflows(f"WorkflowId = '{workflow}'", page_size=RUNS_AT_ONCE)
        async for run in runs:
            if run.run_id == latest:
                listed = True
            elif not listed:
                break
            else:
                yield run
        if not listed:
            raise RunNotListed(f"Run {latest} of {workflow} is not listed yet.")

    async def _sent_to(self, run: WorkflowExecution, account: str) -> list[Trigger]:
        """The triggers in a run's history, whether or not a worker ever saw them."""
        sent: list[Trigger] = []
        handle = self._client.get_workflow_handle(run.id, run_id=run.run_id)
        async for event in handle.fetch_history_events():
            # Whatever else somebody sent by hand, the workflow took it as little as it is taken here.
            for payload in await self._triggers_in(event):
                with suppress(ValidationError):
                    sent.append(Trigger.from_signal(payload, account, event.event_time.ToDatetime(tzinfo=UTC)))
        return [trigger for trigger in sent if trigger.account == account and self._seals.counts(trigger)]

    async def _triggers_in(self, event: HistoryEvent) -> Sequence[object]:
        """The payloads that ask for something: a signal's, or those a run was started with."""
        signal = event.workflow_execution_signaled_event_attributes
        start = event.workflow_execution_started_event_attributes
        payloads = signal.input.payloads if signal.signal_name == TRIGGER_SIGNAL else start.input.payloads
        try:
            given = await self._client.data_converter.decode(payloads)
        except PayloadKeyUnknown:  # ours as like as not: what it asks for must not be done twice
            raise
        except Exception:  # a converter may raise anything
            return ()
        if signal.signal_name == TRIGGER_SIGNAL:
            return given
        triggers = [cast("dict[str, object]", one).get("triggers") for one in given if isinstance(one, dict)]
        return [trigger for one in triggers if isinstance(one, list) for trigger in cast("list[object]", one)]
