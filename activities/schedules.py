"""What a schedule does when its time has come: finds its accounts, triggers them, and reads what their dry runs say."""

import asyncio
from typing import Final

from temporalio import activity
from temporalio.client import Client, WorkflowExecutionDescription, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from activities.seals import Seals
from configuration.configuration_in_use import ConfigurationInUse
from contract.activities import ScheduleContract
from contract.delivery import deliver
from contract.memory import memory_of
from contract.messages import RunResult
from contract.names import workflow_id
from contract.schedules import Delivery, MeasuredDrift, ScheduledRequest, scheduled_id
from rebalancing.failures import SealRefused
from rebalancing.outcomes import Outcome
from rebalancing.triggers import EventRecord, EventStatus, Trigger

AT_ONCE: Final = 20
"""Accounts that are triggered, or asked the server about, side by side: a strategy may have hundreds."""

ENDED_WITHOUT: Final = "its run ended before the dry run was finished"


class ScheduleActivities(ScheduleContract):
    """Runs on the queue ``rebalances``; goes by the configuration of the moment."""

    def __init__(self, configuration: ConfigurationInUse, client: Client, seals: Seals) -> None:
        self._configuration = configuration
        self._client = client
        self._seals = seals

    @activity.defn
    async def scheduled_accounts(self, request: ScheduledRequest) -> tuple[str, ...]:
        """The account, or the enabled accounts that follow the strategy now.

        Raises ``AccountUnknown`` or ``StrategyUnknown``: a schedule may be older than the configuration.
        """
        configuration = self._configuration.now
        if request.account is not None:
            return (configuration.account(request.account).account_id,)
        return tuple(account.account_id for account in configuration.followers(request.strategy or ""))

    @activity.defn
    async def deliver_triggers(self, asked: Delivery | tuple[Trigger, ...]) -> None:
        """Deliver each, whatever becomes of the others (promise P7); sealed, if the schedule's own seal is good.

        Raises ``SealRefused`` for live ones of a schedule without it, and ``RPCError`` if Temporal refused one or
        cannot be reached; then it is tried again, all of it.
        """
        triggers = self._allowed(asked) if isinstance(asked, Delivery) else asked
        turns = asyncio.Semaphore(AT_ONCE)

        async def send(trigger: Trigger) -> None:
            async with turns:
                await deliver(self._client, trigger, self._configuration.now.strategy_of(trigger.account) or "")

        ends = await asyncio.gather(*(send(trigger) for trigger in triggers), return_exceptions=True)
        if refused := next((end for end in ends if end is not None), None):
            raise refused

    def _allowed(self, asked: Delivery) -> tuple[Trigger, ...]:
        """The triggers, sealed as far as the schedule's request reaches: anybody can ask this activity for others."""
        request = asked.request
        own = scheduled_id(request.schedule)
        strategy_of = self._configuration.now.strategy_of

        def is_meant(trigger: Trigger) -> bool:
            is_of_account = trigger.account == request.account or (
                request.account is None and strategy_of(trigger.account) == request.strategy
            )
            return is_of_account and trigger.mode is request.mode and trigger.event_id.startswith(f"{own}-")

        live = tuple(trigger for trigger in asked.triggers if trigger.is_live)
        if live and not all(is_meant(trigger) for trigger in live):
            raise SealRefused(f"Schedule {request.schedule} does not ask for these triggers. Nothing was triggered.")
        return tuple(self._seals.sealed_for(request, trigger) for trigger in asked.triggers)

    @activity.defn
    async def read_drifts(self, dry_runs: tuple[Trigger, ...]) -> tuple[MeasuredDrift, ...]:
        """What those of these dry runs came to that are over."""
        turns = asyncio.Semaphore(AT_ONCE)

        async def read(dry_run: Trigger) -> MeasuredDrift | None:
            async with turns:
                return await self._read(dry_run)

        found = await asyncio.gather(*(read(dry_run) for dry_run in dry_runs))
        return tuple(each for each in found if each is not None)

    async def _read(self, dry_run: Trigger) -> MeasuredDrift | None:
        """What it came to, by its account's latest run; ``None`` if it is not over."""
        try:
            run = await self._client.get_workflow_handle(workflow_id(dry_run.account)).describe()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return _without(dry_run, ENDED_WITHOUT)
        record = (await memory_of(run)).all_events.find(dry_run.event_id, dry_run.mode)
        if record is None or record.status in (EventStatus.PENDING, EventStatus.RUNNING):
            return None if run.status is WorkflowExecutionStatus.RUNNING else _without(dry_run, ENDED_WITHOUT)
        if not record.status.is_carried_out:
            return _without(dry_run, _told(record))
        outcome = await self._outcome(run)
        if outcome is None or dry_run.event_id not in outcome.event_ids:
            return MeasuredDrift(account=dry_run.account, event_id=dry_run.event_id, ask_again=True)
        if outcome.drift_before is None:
            return _without(dry_run, "its dry run did not tell the drift")
        return MeasuredDrift(account=dry_run.account, event_id=dry_run.event_id, drift=outcome.drift_before)

    async def _outcome(self, run: WorkflowExecutionDescription) -> Outcome | None:
        if run.status is not WorkflowExecutionStatus.COMPLETED:
            return None
        handle = self._client.get_workflow_handle(run.id, run_id=run.run_id, result_type=RunResult)
        return (await handle.result(follow_runs=False)).outcome


def _without(dry_run: Trigger, problem: str) -> MeasuredDrift:
    return MeasuredDrift(account=dry_run.account, event_id=dry_run.event_id, problem=problem)


def _told(record: EventRecord) -> str:
    return f"its dry run {record.status.value}. {record.summary}".rstrip()
