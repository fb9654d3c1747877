"""What the desk tells of accounts: how they stand, what happened, what a rebalance would trade."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict

from rebalancing.accounts import AccountId, StrategyName
from rebalancing.triggers import HTTP_SOURCE
from starter.desk.halt import read_halts
from starter.desk.history import HistoryRequest, read_history
from starter.desk.installation import Installation, read_installation
from starter.desk.limits import limits_of
from starter.desk.outcome import WaitsLong
from starter.desk.plan import plan_of, plan_requested
from starter.desk.show import details_of, find_run
from starter.desk.status import held, read_statuses, status_of
from starter.desk.temporal_errors import innermost_reason, is_away
from starter.desk.trigger import deliver
from starter.web.answers import ASKS, READS, WAITS
from starter.web.callers import ANYBODY_NEAR, Reader, may_read
from starter.web.going_on import ACCEPTED, accepted
from starter.web.open_desk import TheAccount, TheDesk
from starter.web.problems import documented
from starter.web.waiting_room import GoesOn, wait_for

router = APIRouter(tags=["Accounts"])

RUN_ID: Final = r"^[0-9a-f-]{4,36}$"

RunId = Annotated[str, Path(pattern=RUN_ID, description="A run's id, or its first characters.")]


def _written_out(given: object) -> object:
    """Only a date and time with its zone: a bare number would be taken for seconds since 1970."""
    if isinstance(given, str) and not re.match(r"\d{4}-\d\d-\d\d[Tt ]", given):
        raise ValueError("a date and time with its zone is needed, such as 2026-11-20T00:00:00Z")
    return given


Moment = Annotated[AwareDatetime, BeforeValidator(_written_out)]
OfAccount = Annotated[AccountId | None, Query(description="Only runs of this account: its number, or its alias.")]
OfStrategy = Annotated[StrategyName | None, Query(description="Only runs by this strategy.")]
Since = Annotated[Moment | None, Query(description="Runs that ended since then, and those at work.")]
Failed = Annotated[bool, Query(description="Only runs that failed, or are incomplete.")]
Limit = Annotated[int, Query(ge=1, le=1000, description="How many runs at most, the latest first.")]


class Readiness(BaseModel):
    """What a rebalance needs, and why it could not be carried out now."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    temporal: bool
    """Temporal answers."""
    gateway: bool
    """Every gateway that accounts name is connected, and not stopped."""
    listener: bool
    """Events are listened for."""
    not_halted: bool
    """Nothing is halted or paused."""
    why: list[str]
    """What is missing, in words."""


HELD: Final = "trading is halted, or something is paused: who may read is told more"
"""What is told of halts to somebody who may not read: in Temporal their reasons are encrypted."""

_NOT_READY: Final = documented(HTTPStatus.SERVICE_UNAVAILABLE)[503]["content"]
READINESS: Final[dict[int | str, dict[str, Any]]] = {
    **documented(*READS),
    503: {
        "description": "It could not",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Readiness"}}, **_NOT_READY},
    },
}


@router.get("/status", responses=documented(*READS), openapi_extra=ANYBODY_NEAR)
async def status(desk: TheDesk) -> dict[str, Any]:
    """Tell what holds everything, and how every account stands, as `rebalancer status --json` does."""
    configuration = desk.configuration.now
    installation = await read_installation(desk.client, configuration)
    statuses = await read_statuses(desk.client, None, configuration.accounts)
    accounts = [each.as_json() for each in held(statuses, installation.halts)]
    return {"installation": installation.as_json(), "accounts": accounts}


@router.get("/accounts/{account_id}/status", responses=documented(*READS), openapi_extra=ANYBODY_NEAR)
async def account_status(account_id: TheAccount, desk: TheDesk) -> dict[str, Any]:
    """Tell how the account stands: phase, plan, orders, events and limits."""
    found = await status_of(desk.client, account_id, desk.configuration.now.accounts)
    (told,) = held([found], await read_halts(desk.client))
    own = next((each for each in desk.configuration.now.accounts if each.account_id == account_id), None)
    return {**told.as_json(), "limits": dict(limits_of(own)) if own else {}}


@router.get("/accounts/{account_id}/events", responses=documented(*READS), openapi_extra=ANYBODY_NEAR)
async def events(account_id: TheAccount, desk: TheDesk) -> dict[str, Any]:
    """Tell which events the account remembers and what became of each, and which are pending."""
    told = (await status_of(desk.client, account_id, desk.configuration.now.accounts)).as_json()
    return {"account": account_id, "pending": told["pending_events"], "events": told["events"]}


@router.get("/approvals", responses=documented(*READS), openapi_extra=ANYBODY_NEAR)
async def approvals(desk: TheDesk) -> list[dict[str, Any]]:
    """List the plans that wait for a person."""
    statuses = await read_statuses(desk.client, None, desk.configuration.now.accounts)
    return [
        {"account": each.account, **each.waiting_plan.model_dump(mode="json")}
        for each in statuses
        if each.waiting_plan is not None
    ]


@router.get("/history", responses=documented(*READS), openapi_extra=ANYBODY_NEAR)
async def history(
    desk: TheDesk,
    account_id: OfAccount = None,
    strategy: OfStrategy = None,
    since: Since = None,
    failed: Failed = False,
    limit: Limit = 100,
) -> dict[str, Any]:
    """Tell what happened, by whom, and what it cost, as `rebalancer history --json` does."""
    called = account_id and desk.configuration.now.names.name_of(account_id)
    asked = HistoryRequest(account=called, strategy=strategy, since=_told(since), failed_only=failed, limit=limit)
    return dict((await read_history(desk.client, asked)).as_json())


@router.get("/accounts/{account_id}/runs", responses=documented(*READS), openapi_extra=ANYBODY_NEAR)
async def runs(
    account_id: TheAccount, desk: TheDesk, since: Since = None, failed: Failed = False, limit: Limit = 100
) -> dict[str, Any]:
    """Tell of the account's runs, and of what persons did about them."""
    asked = HistoryRequest(account=account_id, since=_told(since), failed_only=failed, limit=limit)
    return dict((await read_history(desk.client, asked)).as_json())


@router.get("/accounts/{account_id}/runs/{run_id}", responses=documented(*READS), openapi_extra=ANYBODY_NEAR)
async def run(account_id: TheAccount, run_id: RunId, desk: TheDesk) -> dict[str, Any]:
    """Tell everything about one run, as `rebalancer show --json` does."""
    return dict((await details_of(desk.client, await find_run(desk.client, account_id, run_id))).as_json())


@router.post(
    "/accounts/{account_id}/plan",
    responses={**ACCEPTED, **documented(*ASKS, *WAITS)},
    response_model=dict[str, Any],
    openapi_extra=ANYBODY_NEAR,
)
async def plan(
    account_id: TheAccount, request: Request, desk: TheDesk, caller: Reader
) -> Mapping[str, Any] | JSONResponse:
    """Plan a rebalance of the account by a dry run: every line with its reason. Nothing is sent."""
    account = desk.configuration.account(account_id)
    trigger = plan_requested(account.account_id, caller.by, HTTP_SOURCE)
    with desk.room.place():
        await deliver(desk.client, trigger, account.strategy_name)
        try:
            work = plan_of(desk.client, trigger)
            made, notes = await wait_for(request, work, desk.configuration.settings.concurrency.operation_timeout)
        except (GoesOn, WaitsLong) as going_on:
            return accepted(trigger, going_on)
    head = {"account": account_id, "strategy": account.strategy_name, "plan_hash": made.plan_hash}
    return {**head, **made.model_dump(mode="json"), "notes": list(notes)}


@router.get("/ready", responses=READINESS, response_model=Readiness, openapi_extra=ANYBODY_NEAR)
async def ready(desk: TheDesk, caller: Reader) -> JSONResponse:
    """Tell whether a rebalance could be carried out now: Temporal, gateways, listener, and that nothing is halted."""
    try:
        installation = await read_installation(desk.client, desk.configuration.now)
    except RuntimeError as error:
        if not is_away(error):
            raise
        installation = Installation(unknown=(f"no Temporal server answers: {innermost_reason(error)}",))
    away = [each.name or "default" for each in installation.gateways if each.holder is None or each.is_stopped]
    halts = list(map(str, installation.halts))
    if halts and not await may_read(caller, desk):  # of a server that is away nothing is asked
        halts = [HELD]
    told = Readiness(
        temporal=not installation.unknown,
        gateway=bool(installation.gateways) and not away,
        listener=installation.listens,
        not_halted=not installation.halts,
        why=[
            *installation.unknown,
            *(f"gateway {name} is not connected, or is stopped" for name in away),
            *([] if installation.listens else ["no listener runs: events are not received"]),
            *halts,
        ],
    )
    status = HTTPStatus.SERVICE_UNAVAILABLE if told.why else HTTPStatus.OK
    return JSONResponse(told.model_dump(mode="json"), status.value)


def _told(since: datetime | None) -> datetime | None:
    return since.astimezone(UTC) if since else None
