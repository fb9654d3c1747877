"""What a schedule starts when its time has come: it triggers the rebalances, and does nothing of them itself.

A schedule cannot start ``rebalance-<account>``, because the server appends the time to the id (promise P1). The event
ids come from the schedule and the time that was set, so that a start that is doubled or tried again trades once
(promise P2), and a trigger is as old as that time, so that one that comes too late is not traded by.
"""

from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final, TypeVar

from pydantic import ValidationError
from temporalio import workflow
from temporalio.common import RetryPolicy, SearchAttributeKey
from temporalio.exceptions import ActivityError

from contract.activities import ScheduleContract
from contract.names import REBALANCES_QUEUE
from contract.schedules import (
    SCHEDULE_SOURCE,
    SCHEDULED_WORKFLOW_TYPE,
    Delivery,
    MeasuredDrift,
    ScheduledRequest,
    ScheduledResult,
    scheduled_id,
)
from contract.summaries import counted, summary
from rebalancing.errors import RebalancerError
from rebalancing.failures import NotScheduled, ScheduleIncomplete
from rebalancing.triggers import ExecutionMode, Trigger
from workflows.activity_errors import own_error

Request = TypeVar("Request")
Answer = TypeVar("Answer")

SCHEDULED_TIME: Final = SearchAttributeKey.for_datetime("TemporalScheduledStartTime")
"""Where the server tells what a schedule starts for which time that is."""

CALL_TIMEOUT: Final = timedelta(seconds=60)
"""For one call that asks the server about hundreds of accounts, or triggers them."""

RETRIES: Final = RetryPolicy(
    initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=10), maximum_attempts=100
)
"""For a quarter of an hour: what Temporal refuses for longer is told, and does not hold up the schedule's next times.
An account that is unknown is final."""

FIRST_LOOK, LONGEST_PAUSE = timedelta(seconds=1), timedelta(minutes=1)
"""Between two looks at dry runs, doubling."""

DRY_RUN_PATIENCE: Final = timedelta(hours=1)
"""How long dry runs are waited for. An account that is busy for longer waits for a market, a person or a gateway:
whether it has drifted will have to be asked anew."""

DRY_RUNS: Final = 3
"""How often the drift is asked for where other runs follow so closely that the dry run's outcome is gone."""


@workflow.defn(name=SCHEDULED_WORKFLOW_TYPE, failure_exception_types=[ValidationError, RebalancerError])
class ScheduledRebalance:
    """One time of one schedule."""

    @workflow.run
    async def run(self, request: ScheduledRequest) -> ScheduledResult:
        """Trigger the accounts; with ``if_drift`` those alone that have drifted beyond it."""
        at = _scheduled_time()
        event_id = f"{scheduled_id(request.schedule)}-{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        try:
            return await _carry_out(request, event_id, at)
        except ActivityError as error:
            raise own_error(error) from None


async def _carry_out(request: ScheduledRequest, event_id: str, at: datetime) -> ScheduledResult:
    accounts = await _scheduled_accounts(request)
    if request.if_drift is None:
        await _deliver(request, (_trigger(account, event_id, request.mode, at) for account in accounts))
        return ScheduledResult(event_id=event_id, triggered=accounts)
    measured = await _measure(request, accounts, event_id, at)
    drifts = {one.account: one.drift for one in measured if one.drift is not None}
    beyond = tuple(account for account in accounts if drifts.get(account, Decimal(0)) > request.if_drift)
    is_live = request.mode is ExecutionMode.REBALANCE  # otherwise that dry run was all that was asked for
    triggered = beyond if is_live else ()
    await _deliver(request, (_trigger(account, event_id, request.mode, at) for account in triggered))
    if problems := [f"{one.account}: {one.problem}" for one in measured if one.drift is None]:
        told = f"Triggered: {', '.join(triggered) or 'none'}. Not triggered, as their drift is unknown: "
        raise ScheduleIncomplete(f"{told}{'; '.join(problems)}. Ask with `rebalancer plan ACCOUNT`.")
    return ScheduledResult(event_id=event_id, triggered=triggered, drifts=drifts)


def _scheduled_time() -> datetime:
    at = workflow.info().typed_search_attributes.get(SCHEDULED_TIME)
    if at is None:
        raise NotScheduled(
            "This was not started by a schedule, so it stands for no time. Trigger a schedule with `temporal schedule "
            "trigger`, or one account with `rebalancer run`. Nothing was triggered."
        )
    return at


def _trigger(account: str, event_id: str, mode: ExecutionMode, at: datetime) -> Trigger:
    return Trigger(account=account, event_id=event_id, mode=mode, source=SCHEDULE_SOURCE, requested_at=at)


async def _measure(
    request: ScheduledRequest, accounts: tuple[str, ...], event_id: str, at: datetime
) -> list[MeasuredDrift]:
    """The drift of each by a dry run with an id of its own; where it is unknown, why.

    A run that is under way goes first: the dry run reads what that left.
    """
    measured: list[MeasuredDrift] = []
    for attempt in range(1, DRY_RUNS + 1):
        dry_run_id = f"{event_id}-drift" if attempt == 1 else f"{event_id}-drift-{attempt}"
        dry_runs = tuple(_trigger(account, dry_run_id, ExecutionMode.DRY_RUN, at) for account in accounts)
        await _deliver(request, dry_runs)
        found = await _await_dry_runs(dry_runs)
        measured += [one for one in found if not one.ask_again]
        accounts = tuple(one.account for one in found if one.ask_again)
        if not accounts:
            return measured
    overtaken = f"{DRY_RUNS} times another run followed at once and took the outcome's place"
    return measured + [MeasuredDrift(account=one, event_id=event_id, problem=overtaken) for one in accounts]


async def _await_dry_runs(dry_runs: tuple[Trigger, ...]) -> list[MeasuredDrift]:
    deadline = workflow.now() + DRY_RUN_PATIENCE
    found: list[MeasuredDrift] = []
    pause = FIRST_LOOK
    while dry_runs and workflow.now() < deadline:
        await workflow.sleep(pause, summary=summary(f"look again at {counted(len(dry_runs), 'dry run')}"))
        pause = min(2 * pause, LONGEST_PAUSE)
        over = await _read_drifts(dry_runs)
        found += over
        known = {one.account for one in over}
        dry_runs = tuple(one for one in dry_runs if one.account not in known)
    late = f"its dry run was not over within {DRY_RUN_PATIENCE}; another run goes on, or none can begin"
    return found + [MeasuredDrift(account=one.account, event_id=one.event_id, problem=late) for one in dry_runs]


async def _scheduled_accounts(request: ScheduledRequest) -> tuple[str, ...]:
    return await _ask(ScheduleContract.scheduled_accounts, request, summary("who is meant", request.whom))


async def _deliver(request: ScheduledRequest, triggers: Iterable[Trigger]) -> None:
    given = tuple(triggers)
    if given:
        await _ask(
            ScheduleContract.deliver_triggers,
            Delivery(request=request, triggers=given),
            summary(f"trigger {counted(len(given), 'account')}", given[0].event_id),
        )


async def _read_drifts(dry_runs: tuple[Trigger, ...]) -> tuple[MeasuredDrift, ...]:
    return await _ask(
        ScheduleContract.read_drifts, dry_runs, summary(f"drift of {counted(len(dry_runs), 'account')} by dry run")
    )


async def _ask(call: Callable[[ScheduleContract, Request], Awaitable[Answer]], request: Request, told: str) -> Answer:
    return await workflow.execute_activity_method(
        call,
        request,
        task_queue=REBALANCES_QUEUE,
        start_to_close_timeout=CALL_TIMEOUT,
        retry_policy=RETRIES,
        summary=told,
    )
