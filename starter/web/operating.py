"""What a person tells the desk about running rebalances: approve, reject, resolve, cancel; halt and pause."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from fastapi.responses import JSONResponse
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from contract.halts import HALT_ID, pause_id, strategy_pause_id
from contract.messages import Resolution
from rebalancing.accounts import StrategyName
from rebalancing.approval import Approval, Rejection
from rebalancing.base import Money
from rebalancing.orders.placed_order import PlacedOrder
from rebalancing.triggers import HTTP_SOURCE
from starter.desk.accept_history import accept_seen, read_doubt
from starter.desk.approve import approve as approve_plan
from starter.desk.cancel import cancel as cancel_run
from starter.desk.cancel import told_at_end
from starter.desk.cancel_orders import cancel_all_orders, cancel_at_broker
from starter.desk.gateway_stop import resume_all, stop_gateways
from starter.desk.halt import hold, pause_of_account, pause_of_strategy, read_halts
from starter.desk.halt import resume as end_hold
from starter.desk.mistakes import as_asked
from starter.desk.reject import reject as reject_plan
from starter.desk.resolve import resolve as resolve_order
from starter.desk.retry import retry_of, to_retry
from starter.web.answers import CHANGES, READS, WAITS
from starter.web.callers import ANYBODY_NEAR, ONLY_TRADERS, TRADERS, Trader
from starter.web.going_on import ACCEPTED, GOES_ON
from starter.web.open_desk import OpenDesk, TheAccount, TheDesk
from starter.web.original import carried_out
from starter.web.problems import Refusal, documented
from starter.web.shapes import RebalanceResponse
from starter.web.waiting_room import GoesOn, wait_for

router = APIRouter(tags=["Operating"])


def _on_one_line(text: str) -> str:
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())


Words = Annotated[str, Field(max_length=300), AfterValidator(_on_one_line)]
"""Why somebody does something; kept on one line."""


TheStrategy = Annotated[StrategyName, Path(description="The strategy, as in `accounts.yaml`.")]


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class ApproveRequest(_Asked):
    """Which plan, and no other."""

    plan_hash: str = Field(pattern=r"^[0-9A-Fa-f]{4,64}$", examples=["fe29397f3f4e"])
    """The plan's hash, or its first characters, as `/approvals` tells it."""


class ReasonRequest(_Asked):
    """Why."""

    reason: Words = ""
    """Why, for the history."""


class ResolveRequest(_Asked):
    """What became of an order of unknown fate: so many shares filled, or ``null`` if it was never placed."""

    ref: str = Field(min_length=1, max_length=100)
    """The order's ref, as `/accounts/{account_id}/status` tells it."""
    filled: int | None = Field(ge=0, le=1_000_000_000)
    """Shares that filled; `null` if it was never placed."""


class AcceptHistoryRequest(_Asked):
    """The refs of the orders that whoever accepts has seen; of others nothing is accepted."""

    refs: list[Annotated[str, Field(min_length=1, max_length=100)]] = Field(max_length=1000)
    """Those that `/accounts/{account_id}/doubt` tells; none, where it tells none."""


class CancelRequest(_Asked):
    """``at_broker``: its orders at once, past a rebalance that no worker goes on with."""

    at_broker: bool = False
    """Cancel its orders at once, past a rebalance that no worker goes on with."""


class HaltRequest(_Asked):
    """``cancel_orders``: working orders are cancelled too; ``everything``: nothing reaches a gateway at all."""

    reason: Words = ""
    """Why, for the history."""
    cancel_orders: bool = False
    """Cancel working orders too."""
    everything: bool = False
    """Let nothing reach a gateway at all."""


class DoubtResponse(BaseModel):
    """What the account holds now, and the orders of today that the broker has and the history does not.

    ``message`` has all of it in words; ``refs`` are what `accept-history` takes. Money is in US dollars.
    """

    model_config = ConfigDict(use_attribute_docstrings=True)

    account_id: str
    """What the account is called."""
    message: str
    """All of it in words."""
    cash: Money
    """In US dollars."""
    positions: dict[str, int]
    """Shares by symbol."""
    orders: list[PlacedOrder]
    """Orders of today that the broker has and the history does not."""
    refs: list[str]
    """Their refs, as `accept-history` takes them."""


class Told(BaseModel):
    """What came of it, in words."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    account_id: str | None = None
    """What the account is called, where it is about one."""
    message: str
    """What came of it."""


@router.post("/accounts/{account_id}/approve", responses=documented(*CHANGES), openapi_extra=TRADERS)
async def approve(account_id: TheAccount, wanted: ApproveRequest, desk: TheDesk, caller: Trader) -> Told:
    """Approve of the plan that waits, if it has this hash; the rebalance goes on."""
    approval = as_asked(Approval, plan_hash=wanted.plan_hash, by=caller.by)
    return Told(account_id=account_id, message=await approve_plan(desk.client, account_id, approval))


@router.post("/accounts/{account_id}/reject", responses=documented(*CHANGES), openapi_extra=TRADERS)
async def reject(account_id: TheAccount, desk: TheDesk, caller: Trader, wanted: ReasonRequest | None = None) -> Told:
    """Reject the plan that waits; the rebalance ends and sends none of its orders."""
    rejection = as_asked(Rejection, reason=wanted.reason if wanted else "", by=caller.by)
    return Told(account_id=account_id, message=await reject_plan(desk.client, account_id, rejection))


@router.post("/accounts/{account_id}/resolve", responses=documented(*CHANGES), openapi_extra=TRADERS)
async def resolve(account_id: TheAccount, wanted: ResolveRequest, desk: TheDesk, caller: Trader) -> Told:
    """Say what became of an order whose fate is unknown, after looking at it in TWS; the rebalance goes on."""
    resolution = as_asked(Resolution, ref=_on_one_line(wanted.ref), filled=wanted.filled, by=caller.by)
    await resolve_order(desk.client, account_id, resolution)
    return Told(account_id=account_id, message=f"{resolution.ref} is resolved; the rebalance goes on.")


@router.get("/accounts/{account_id}/doubt", responses=documented(*READS, *WAITS), openapi_extra=ANYBODY_NEAR)
async def doubt(account_id: TheAccount, desk: TheDesk) -> DoubtResponse:
    """Tell why the account waits whose history is not whole, and what the broker has; through the one gateway slot."""
    account = desk.configuration.now.configured(account_id)
    with desk.room.place():
        found = await read_doubt(desk.client, account)
    return DoubtResponse(
        account_id=account_id,
        message="\n".join(found.lines),
        cash=found.holdings.cash,
        positions=found.holdings.positions,
        orders=list(found.orders),
        refs=[order.ref for order in found.orders],
    )


@router.post("/accounts/{account_id}/accept-history", responses=documented(*CHANGES, *WAITS), openapi_extra=TRADERS)
async def accept_history(account_id: TheAccount, wanted: AcceptHistoryRequest, desk: TheDesk, caller: Trader) -> Told:
    """Let the account trade whose history is not whole, from what it holds; of its orders only `refs` are accepted."""
    account = desk.configuration.now.configured(account_id)
    with desk.room.place():
        found = await accept_seen(desk.client, account, wanted.refs, caller.by)
    words = f"{account_id} trades again, from what it holds; {len(found.orders)} orders accepted."
    return Told(account_id=account_id, message=words)


@router.post(
    "/accounts/{account_id}/cancel", responses=documented(*CHANGES), openapi_extra=TRADERS, dependencies=ONLY_TRADERS
)
async def cancel(account_id: TheAccount, request: Request, desk: TheDesk, wanted: CancelRequest | None = None) -> Told:
    """Cancel the account's rebalance and its working orders, and tell what had filled.

    Where nobody can wait for that any more, it goes on all the same, and the answer says so.
    """
    if wanted and wanted.at_broker:
        told = await cancel_at_broker(desk.client, desk.configuration.now, account_id)
        return Told(account_id=account_id, message=told)
    handle = await cancel_run(desk.client, account_id)
    try:
        with desk.room.place():
            longest = desk.configuration.settings.concurrency.operation_timeout
            told = await wait_for(request, told_at_end(handle), longest)
    except (GoesOn, Refusal):
        told = f"It is being cancelled. {GOES_ON}"
    return Told(account_id=account_id, message=told)


@router.post(
    "/accounts/{account_id}/retry",
    responses={**ACCEPTED, **documented(*CHANGES)},
    response_model=RebalanceResponse,
    openapi_extra=TRADERS,
)
async def retry(
    account_id: TheAccount, request: Request, desk: TheDesk, caller: Trader
) -> RebalanceResponse | JSONResponse:
    """Do the account's last live rebalance again, which failed or is incomplete; it trades, once for each."""
    run = await to_retry(desk.client, desk.configuration.account(account_id).account_id)
    trigger = retry_of(run, caller.by).model_copy(update={"source": HTTP_SOURCE})
    return await carried_out(request, desk, trigger)


@router.get("/halts", responses=documented(*READS), openapi_extra=ANYBODY_NEAR)
async def halts(desk: TheDesk) -> list[dict[str, Any]]:
    """List what holds trading now."""
    return [dict(halt.as_json()) for halt in await read_halts(desk.client)]


@router.post("/halt", responses=documented(*CHANGES), openapi_extra=TRADERS)
async def halt(desk: TheDesk, caller: Trader, wanted: HaltRequest | None = None) -> dict[str, Any]:
    """Halt all trading: once this is answered, no order goes out any more. `problems` are orders that still work."""
    asked = wanted or HaltRequest()
    came = await hold(desk.client, HALT_ID, caller.by, asked.reason)
    problems = await cancel_all_orders(desk.client, desk.configuration.now) if asked.cancel_orders else []
    stopped = await stop_gateways(desk.client, asked.reason or "halt --everything") if asked.everything else ()
    return {**came.as_json(), "problems": problems, "stopped": [each or "default" for each in stopped]}


@router.post("/resume", responses=documented(*CHANGES), openapi_extra=TRADERS)
async def resume(desk: TheDesk, caller: Trader, wanted: ReasonRequest | None = None) -> Told:
    """End the halt; what waited for that reads everything anew."""
    await resume_all(desk.client, caller.by, wanted.reason if wanted else "")
    return Told(message="Trading goes on; what waited reads everything anew.")


@router.post("/accounts/{account_id}/pause", responses=documented(*CHANGES), openapi_extra=TRADERS)
async def pause(
    account_id: TheAccount, desk: TheDesk, caller: Trader, wanted: ReasonRequest | None = None
) -> dict[str, Any]:
    """Halt one account: no order of it goes out any more."""
    return await _paused(desk, await pause_of_account(desk.client, desk.configuration.now, account_id), caller, wanted)


@router.post("/accounts/{account_id}/unpause", responses=documented(*CHANGES), openapi_extra=TRADERS)
async def unpause(account_id: TheAccount, desk: TheDesk, caller: Trader, wanted: ReasonRequest | None = None) -> Told:
    """End the pause of an account."""
    await end_hold(desk.client, pause_id(account_id), caller.by, wanted.reason if wanted else "")
    return Told(account_id=account_id, message=f"{account_id} is not paused any more.")


@router.post("/strategies/{strategy}/pause", responses=documented(*CHANGES), openapi_extra=TRADERS)
async def pause_strategy(
    strategy: TheStrategy, desk: TheDesk, caller: Trader, wanted: ReasonRequest | None = None
) -> dict[str, Any]:
    """Halt all accounts that follow a strategy."""
    return await _paused(desk, pause_of_strategy(desk.configuration.now, strategy), caller, wanted)


@router.post("/strategies/{strategy}/unpause", responses=documented(*CHANGES), openapi_extra=TRADERS)
async def unpause_strategy(
    strategy: TheStrategy, desk: TheDesk, caller: Trader, wanted: ReasonRequest | None = None
) -> Told:
    """End the pause of a strategy."""
    await end_hold(desk.client, strategy_pause_id(strategy), caller.by, wanted.reason if wanted else "")
    return Told(message=f"{strategy} is not paused any more.")


async def _paused(desk: OpenDesk, halt_id: str, caller: Trader, wanted: ReasonRequest | None) -> dict[str, Any]:
    return dict((await hold(desk.client, halt_id, caller.by, wanted.reason if wanted else "")).as_json())
