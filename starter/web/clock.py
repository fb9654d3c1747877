"""Schedules: rebalances by the clock."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from contract.schedules import NAME_PATTERN, DriftBand
from rebalancing.accounts import AccountId, StrategyName
from starter.desk.mistakes import as_asked
from starter.desk.schedules import (
    NewSchedule,
    ScheduleRefused,
    add_schedule,
    pause_schedule,
    read_schedule,
    read_schedules,
    remove_schedule,
    unpause_schedule,
)
from starter.web.answers import CHANGES, READS
from starter.web.callers import ANYBODY_NEAR, ONLY_TRADERS, TRADERS, Trader
from starter.web.open_desk import TheDesk
from starter.web.operating import ReasonRequest, Told
from starter.web.problems import documented

router = APIRouter(tags=["Schedules"])

Name = Annotated[str, Path(pattern=NAME_PATTERN, description="What the schedule is called.")]


def _number(given: object) -> object:
    if isinstance(given, str | bool):
        raise ValueError("a number is needed")
    return given


Band = Annotated[DriftBand, BeforeValidator(_number), WithJsonSchema({"type": "number", "minimum": 0, "maximum": 100})]


class ScheduleRequest(BaseModel):
    """A schedule: for an account or a strategy, by five cron fields in a time zone.

    Only ``live: true`` trades; ``if_drift`` is in percent, and what has drifted no further is let alone.
    """

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    account: AccountId | None = None
    """The account's number, or its alias; either this or `strategy`."""
    strategy: StrategyName | None = None
    """The strategy, of which all accounts are rebalanced."""
    cron: str = Field(max_length=100, examples=["30 10 * * MON"])
    """Minute, hour, day of the month, month, day of the week."""
    timezone: str = Field(max_length=60, examples=["America/New_York"])
    """The zone of the clock that they are read by."""
    live: bool = False
    """Whether it trades; else it asks for dry runs."""
    if_drift: Band | None = None
    """In percent: what has drifted no further is let alone."""


@router.get("/schedules", responses=documented(*READS), openapi_extra=ANYBODY_NEAR)
async def schedules(desk: TheDesk) -> list[dict[str, Any]]:
    """List the schedules: when each comes next, what came of it last, what it missed."""
    return [dict(each.as_json()) for each in await read_schedules(desk.client)]


@router.get("/schedules/{name}", responses=documented(*READS), openapi_extra=ANYBODY_NEAR)
async def schedule(name: Name, desk: TheDesk) -> dict[str, Any]:
    """Tell of one schedule."""
    return dict((await read_schedule(desk.client, name)).as_json())


@router.put(
    "/schedules/{name}",
    status_code=HTTPStatus.CREATED.value,
    responses=documented(*CHANGES),
    openapi_extra=TRADERS,
)
async def add(name: Name, wanted: ScheduleRequest, desk: TheDesk, caller: Trader) -> dict[str, Any]:
    """Add a schedule under this name; one that is there already is not changed."""
    if (wanted.account is None) == (wanted.strategy is None):
        raise ScheduleRefused("Name either an account or a strategy.")
    called = wanted.account and desk.configuration.now.names.name_of(wanted.account)
    new = as_asked(lambda: NewSchedule.of(name, **wanted.model_copy(update={"account": called}).model_dump()))
    return dict((await add_schedule(desk.client, desk.configuration.now, new, caller.by)).as_json())


@router.post("/schedules/{name}/pause", responses=documented(*CHANGES), openapi_extra=TRADERS)
async def pause(name: Name, desk: TheDesk, caller: Trader, wanted: ReasonRequest | None = None) -> Told:
    """Let its times pass; they are not made up for."""
    reason = f": {wanted.reason}" if wanted and wanted.reason else ""
    await pause_schedule(desk.client, name, f"paused by {caller.by}{reason}")
    return Told(message=f"Schedule {name} is paused.")


@router.post("/schedules/{name}/unpause", responses=documented(*CHANGES), openapi_extra=TRADERS)
async def unpause(name: Name, desk: TheDesk, caller: Trader) -> Told:
    """Let it come again from now on."""
    await unpause_schedule(desk.client, name, f"unpaused by {caller.by}")
    return Told(message=f"Schedule {name} comes again.")


@router.delete("/schedules/{name}", responses=documented(*CHANGES), openapi_extra=TRADERS, dependencies=ONLY_TRADERS)
async def remove(name: Name, desk: TheDesk) -> Told:
    """Remove it; what it has triggered already goes on."""
    await remove_schedule(desk.client, name)
    return Told(message=f"Schedule {name} is removed; what it has triggered already goes on.")
