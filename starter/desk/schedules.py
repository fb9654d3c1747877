"""Schedules: rebalances that are asked for by the clock. Each is a Temporal Schedule, and nowhere else.

What one starts when its time has come is the workflow ``ScheduledRebalance``, which triggers the accounts.
"""

import asyncio
import re
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, Self, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionExecutionStartWorkflow,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleDescription,
    ScheduleListActionStartWorkflow,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleState,
    WorkflowExecutionStatus,
    WorkflowFailureError,
)
from temporalio.service import RPCError, RPCStatusCode

from configuration.configuration import Configuration
from contract.delivery import TASK_TIMEOUT
from contract.names import REBALANCES_QUEUE
from contract.schedules import NAME_PATTERN, SCHEDULED_WORKFLOW_TYPE, ScheduledRequest, ScheduledResult, scheduled_id
from contract.summaries import summary
from rebalancing.base import FrozenModel
from rebalancing.errors import RebalancerError
from rebalancing.triggers import ExecutionMode
from starter.desk.sealing import sealed_schedule
from starter.desk.temporal_errors import is_unknown

T = TypeVar("T")

CATCH_UP: Final = timedelta(minutes=10)
"""How late a schedule may come where the Temporal server was away: long enough for a restart. Later it is missed, and
counted: who chose a time chose the market of that time. The server's own default is a year."""

MOST_OFTEN: Final = timedelta(hours=1)
"""A schedule comes no more often than this, on average over its next times: each takes up one or two of the hundred
events that an account remembers, and those must reach back further than what is published late is traded by (P2)."""

SHOWN_ACCOUNTS: Final = 5
"""So many accounts are named in what came of a time; a strategy may have hundreds."""

CRON_FIELDS: Final = 5


class ScheduleRefused(RebalancerError):
    """A schedule that cannot be: its name, its time or its account; the message says what to correct.

    Do: correct what the message names.
    """


class ScheduleUnknown(ScheduleRefused):
    """There is no schedule of this name.

    Do: ``rebalancer schedule list`` has the names.
    """


class NewSchedule(FrozenModel):
    """A schedule to be added: what it asks for, and when, by a cron line of five fields in a time zone by its name."""

    request: ScheduledRequest
    cron: str
    timezone: str

    @classmethod
    def of(
        cls,
        name: str,
        cron: str,
        timezone: str,
        *,
        account: str | None,
        strategy: str | None,
        live: bool,
        if_drift: Decimal | str | None,
    ) -> Self:
        """What somebody asks for; only ``live`` trades. Raises ``ValidationError`` for what cannot be asked."""
        request = ScheduledRequest.model_validate(
            {
                "schedule": name,
                "account": account,
                "strategy": strategy,
                "mode": ExecutionMode.REBALANCE if live else ExecutionMode.DRY_RUN,
                "if_drift": if_drift,
            }
        )
        return cls(request=request, cron=cron, timezone=timezone)


@dataclass(frozen=True)
class LastTime:
    """The latest time a schedule came: for when, what its workflow is, how that stands and what it tells."""

    scheduled_at: datetime
    workflow_id: str
    status: str
    told: str


@dataclass(frozen=True)
class ScheduleStanding:
    """One schedule, as the server tells it. Times are in UTC.

    ``missed`` is how often its time passed while the server was away for too long (``CATCH_UP``), ``skipped`` how often
    because the time before was still at work, ``started`` how often it came. ``request`` is ``None``, and ``cron``
    empty, where somebody changed the schedule past recognition.
    """

    name: str
    request: ScheduledRequest | None
    cron: str
    timezone: str
    is_paused: bool
    note: str
    next_times: tuple[datetime, ...]
    started: int
    missed: int
    skipped: int
    last: LastTime | None

    @property
    def whom(self) -> str:
        """The account, or the strategy, in words."""
        if self.request is None:
            return "?"
        return self.request.account or f"strategy {self.request.strategy}"

    @property
    def does(self) -> str:
        """What it asks for, in words."""
        if self.request is None:
            return "?"
        mode = "rebalance" if self.request.mode is ExecutionMode.REBALANCE else "dry run"
        return mode if self.request.if_drift is None else f"{mode} if drift > {self.request.if_drift} %"

    def as_json(self) -> Mapping[str, object]:
        """For programs; times in ISO 8601, drift in percent."""
        request = self.request.model_dump(mode="json") if self.request else {}
        return {
            "name": self.name,
            "account": request.get("account"),
            "strategy": request.get("strategy"),
            "mode": request.get("mode"),
            "if_drift": request.get("if_drift"),
            "cron": self.cron,
            "timezone": self.timezone,
            "paused": self.is_paused,
            "note": self.note,
            "next": [at.isoformat() for at in self.next_times],
            "started": self.started,
            "missed": self.missed,
            "skipped": self.skipped,
            "last": {
                "scheduled_at": self.last.scheduled_at.isoformat(),
                "workflow_id": self.last.workflow_id,
                "status": self.last.status,
                "told": self.last.told,
            }
            if self.last
            else None,
        }


async def add_schedule(client: Client, configuration: Configuration, new: NewSchedule, who: str) -> ScheduleStanding:
    """Add a schedule; ``who`` is noted with it.

    Raises:
        AccountUnknown, StrategyUnknown: nobody is there for whom it could come.
        ScheduleRefused: the name is taken, or the time is none.
    """
    if new.request.account is not None:
        configuration.account(new.request.account)
    else:
        configuration.followers(new.request.strategy or "")
    spec = ScheduleSpec(cron_expressions=[_commented(new.cron)], time_zone_name=_zone(new.timezone))
    name = new.request.schedule
    action = ScheduleActionStartWorkflow(
        SCHEDULED_WORKFLOW_TYPE,
        sealed_schedule(new.request),
        id=scheduled_id(name),
        task_queue=REBALANCES_QUEUE,
        task_timeout=TASK_TIMEOUT,
        static_summary=_in_the_list(new.request),
    )
    policy = SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=CATCH_UP)
    # Paused until its times are known to be allowed: one that comes too often would else come before it is taken back.
    note = f"added by {who}"
    state = ScheduleState(note=note, paused=True)
    try:
        handle = await client.create_schedule(name, Schedule(action, spec, policy, state))
    except ScheduleAlreadyRunningError:
        raise ScheduleRefused(
            f"There is a schedule {name} already. Remove it first (`rebalancer schedule remove {name}`), or give this "
            "one a name of its own with --name."
        ) from None
    except RPCError as error:
        if error.status is not RPCStatusCode.INVALID_ARGUMENT:
            raise
        problem = error.message.removeprefix("Invalid schedule spec: ")
        raise ScheduleRefused(f"The time {new.cron!r} in {new.timezone} is none: {problem}.") from None
    if problem := _impossible((await handle.describe()).info.next_action_times):
        await handle.delete()
        raise ScheduleRefused(f"The time {new.cron!r} {problem}. Nothing was added.")
    await handle.unpause(note=note)
    return await _standing(client, await handle.describe())


async def read_schedules(client: Client) -> list[ScheduleStanding]:
    """All schedules of ours by name. Raises ``RPCError`` if the server does not tell."""
    names = [
        listed.id
        async for listed in await client.list_schedules()
        if listed.schedule is not None
        and isinstance(listed.schedule.action, ScheduleListActionStartWorkflow)
        and listed.schedule.action.workflow == SCHEDULED_WORKFLOW_TYPE
    ]
    found = await asyncio.gather(*(_read_or_gone(client, name) for name in sorted(names)))
    return [standing for standing in found if standing is not None]


async def read_schedule(client: Client, name: str) -> ScheduleStanding:
    """One schedule. Raises ``ScheduleUnknown``."""
    if not re.fullmatch(NAME_PATTERN, name):
        raise ScheduleUnknown(f"{name[:40]!r} is no name of a schedule; `rebalancer schedule list` shows all.")
    return await _standing(client, await _known(name, client.get_schedule_handle(name).describe()))


async def pause_schedule(client: Client, name: str, note: str) -> None:
    """Let its times pass until it is unpaused; they are not made up for. Raises ``ScheduleUnknown``."""
    await read_schedule(client, name)
    await _known(name, client.get_schedule_handle(name).pause(note=note))


async def unpause_schedule(client: Client, name: str, note: str) -> None:
    """Let it come again from now on. Raises ``ScheduleUnknown``."""
    await read_schedule(client, name)
    await _known(name, client.get_schedule_handle(name).unpause(note=note))


async def remove_schedule(client: Client, name: str) -> None:
    """Remove it; what it has triggered already goes on. Raises ``ScheduleUnknown``."""
    await read_schedule(client, name)
    await _known(name, client.get_schedule_handle(name).delete())


def _impossible(times: Sequence[datetime]) -> str:
    """What is wrong with a schedule that comes at these times next; empty if nothing is."""
    if not times:
        return "never comes"
    if times[-1] - times[0] < (len(times) - 1) * MOST_OFTEN:
        return "comes too often: once an hour is the most, for each time takes up events that the account remembers"
    return ""


def _commented(cron: str) -> str:
    """The line with itself as its comment: the server keeps only what it means, and people know it by its words."""
    fields = cron.split()
    if len(fields) != CRON_FIELDS or not re.fullmatch(r"[0-9A-Za-z*,/ -]+", " ".join(fields)):
        raise ScheduleRefused(
            f"The time {cron!r} is none: five fields are needed, minute hour day-of-month month day-of-week, such as "
            "'30 10 * * MON'."
        )
    return f"{' '.join(fields)} # {' '.join(fields)}"


def _in_the_list(request: ScheduledRequest) -> str:
    """As in ``SCHEDULE weekly · LIVE · strategy etf-blend · if drift > 2.5 %``."""
    drift = "" if request.if_drift is None else f"if drift > {request.if_drift} %"
    return summary(f"SCHEDULE {request.schedule}", request.mode.word, request.whom, drift)


def _zone(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ScheduleRefused(
            f"{name!r} is no time zone; one by its name is needed, such as America/New_York."
        ) from None


async def _known(name: str, call: Awaitable[T]) -> T:
    try:
        return await call
    except RPCError as error:
        if is_unknown(error):
            raise ScheduleUnknown(f"There is no schedule {name}; `rebalancer schedule list` shows all.") from None
        raise


async def _read_or_gone(client: Client, name: str) -> ScheduleStanding | None:
    """The list lags: what is removed may still be in it."""
    try:
        return await read_schedule(client, name)
    except ScheduleUnknown:
        return None


async def _standing(client: Client, description: ScheduleDescription) -> ScheduleStanding:
    schedule, info = description.schedule, description.info
    action = schedule.action
    if not isinstance(action, ScheduleActionStartWorkflow) or action.workflow != SCHEDULED_WORKFLOW_TYPE:
        raise ScheduleUnknown(f"The schedule {description.id} is none of ours; see `temporal schedule describe`.")
    comments = [each.comment for each in schedule.spec.calendars if each.comment]
    recent = info.recent_actions[-1] if info.recent_actions else None
    last = recent.action if recent else None
    return ScheduleStanding(
        name=description.id,
        request=await _request(client, action),
        cron=comments[0] if comments else "",
        timezone=schedule.spec.time_zone_name or "UTC",
        is_paused=schedule.state.paused,
        note=schedule.state.note or "",
        next_times=() if schedule.state.paused else tuple(info.next_action_times),
        started=info.num_actions,
        missed=info.num_actions_missed_catchup_window,
        skipped=info.num_actions_skipped_overlap,
        last=await _last(client, recent.scheduled_at, last.workflow_id, last.first_execution_run_id)
        if recent and isinstance(last, ScheduleActionExecutionStartWorkflow)
        else None,
    )


async def _request(client: Client, action: ScheduleActionStartWorkflow) -> ScheduledRequest | None:
    try:
        (request,) = await client.data_converter.decode(list(action.args), [ScheduledRequest])
    except Exception:  # somebody else's argument: a converter may raise anything
        return None
    return request


async def _last(client: Client, scheduled_at: datetime, workflow_id: str, run_id: str) -> LastTime:
    handle = client.get_workflow_handle(workflow_id, run_id=run_id, result_type=ScheduledResult)
    try:
        status = (await handle.describe()).status
    except RPCError as error:
        if not is_unknown(error):
            raise
        return LastTime(scheduled_at, workflow_id, "forgotten", "")
    told = await _told(handle) if status is not WorkflowExecutionStatus.RUNNING else ""
    return LastTime(scheduled_at, workflow_id, status.name.lower() if status else "unknown", told)


async def _told(handle: Any) -> str:
    """What one time of a schedule that is over came to, in words."""
    try:
        result: ScheduledResult = await handle.result(follow_runs=False)
    except WorkflowFailureError as error:
        return str(getattr(error.cause, "message", error.cause))
    drifts = [f"{account} {drift:.2f} %" for account, drift in result.drifts.items()]
    return f"triggered: {_shown(result.triggered)}{f'; drift: {_shown(drifts)}' if drifts else ''}"


def _shown(accounts: Sequence[str]) -> str:
    more = len(accounts) - SHOWN_ACCOUNTS
    return (", ".join(accounts[:SHOWN_ACCOUNTS]) or "none") + (f" and {more} more" if more > 0 else "")
