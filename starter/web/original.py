"""The routes of the original system, with its answers."""

from datetime import UTC, datetime
from typing import Annotated, Final

from fastapi import APIRouter, Header, Request
from fastapi.responses import JSONResponse

from rebalancing.accounts import Account
from rebalancing.outcomes import Outcome
from rebalancing.triggers import HTTP_SOURCE, EventRecord, EventStatus, ExecutionMode, Trigger
from rebalancing.web_address import without_secrets
from starter.desk.gateway_connections import is_gateway_connected
from starter.desk.mistakes import as_asked
from starter.desk.outcome import LONG_WAITS, WaitsLong, outcome_of
from starter.desk.positions import read_positions
from starter.desk.trigger import deliver, requested
from starter.web import shapes
from starter.web.answers import ASKS, CHANGES, READS, WAITS
from starter.web.callers import ANYBODY_NEAR, Caller, Reader, trader
from starter.web.going_on import ACCEPTED, accepted
from starter.web.open_desk import OpenDesk, TheAccount, TheDesk
from starter.web.problems import documented
from starter.web.waiting_room import GoesOn, wait_for

router = APIRouter(tags=["As the original had them"])

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description="Identifies the request: the same id is never carried out twice.",
        min_length=1,
        max_length=200,
        pattern=r"^[!-~]([ -~]*[!-~])?$",
    ),
]

CONNECTED: Final = {
    True: "The gateway is connected.",
    False: "The gateway is not connected.",
    None: "Temporal does not answer.",
}


@router.post(
    "/rebalance/{account_id}",
    responses={**ACCEPTED, **documented(*CHANGES, *WAITS)},
    response_model=shapes.RebalanceResponse,
    openapi_extra=ANYBODY_NEAR,
)
async def rebalance(
    account_id: TheAccount,
    request: Request,
    desk: TheDesk,
    caller: Reader,
    wanted: shapes.RebalanceRequest | None = None,
    key: IdempotencyKey = None,
) -> shapes.RebalanceResponse | JSONResponse:
    """Rebalance the account; a dry run unless `execution_mode` is exactly `rebalance`, which needs a trader's token."""
    mode = ExecutionMode.of(wanted.execution_mode if wanted else None)
    if mode is ExecutionMode.REBALANCE:
        caller = await trader(request, caller, desk)
    return await _rebalanced(request, desk, account_id, mode, caller, key)


@router.post(
    "/rebalance/{account_id}/dry-run",
    responses={**ACCEPTED, **documented(*ASKS, *WAITS)},
    response_model=shapes.RebalanceResponse,
    openapi_extra=ANYBODY_NEAR,
)
async def dry_run(
    account_id: TheAccount, request: Request, desk: TheDesk, caller: Reader, key: IdempotencyKey = None
) -> shapes.RebalanceResponse | JSONResponse:
    """Tell what a rebalance of the account would trade; nothing is sent."""
    return await _rebalanced(request, desk, account_id, ExecutionMode.DRY_RUN, caller, key)


@router.get("/accounts", responses=documented(*READS), openapi_extra=ANYBODY_NEAR)
async def accounts(desk: TheDesk) -> shapes.AccountsResponse:
    """List the accounts that are switched on."""
    base = desk.connections.allocations_base_url or desk.configuration.now.allocations_base_url
    enabled = desk.configuration.now.enabled_accounts
    return shapes.AccountsResponse(accounts=[_account_info(account, base) for account in enabled])


@router.get("/accounts/{account_id}/positions", responses=documented(*READS, *WAITS), openapi_extra=ANYBODY_NEAR)
async def positions(account_id: TheAccount, desk: TheDesk) -> shapes.PositionsResponse:
    """Tell what the account holds, read through the one gateway slot."""
    account = desk.configuration.account(account_id)
    with desk.room.place():
        snapshot = await read_positions(desk.client, account)
    held = {symbol: shares + snapshot.fractions.get(symbol, 0) for symbol, shares in snapshot.positions.items()}
    held = {**snapshot.fractions, **held}
    found: list[shapes.PositionInfo] = []
    for symbol, shares in sorted(held.items()):
        quote = snapshot.quotes.get(symbol)
        value = quote.price * shares if quote and quote.price is not None else None
        found.append(
            shapes.PositionInfo(
                symbol=symbol,
                position=float(shares),
                market_value=shapes.number(value),
                avg_cost=shapes.number(snapshot.average_costs.get(symbol)),
            )
        )
    return shapes.PositionsResponse(account_id=account_id, positions=found, timestamp=snapshot.taken_at)


@router.get("/accounts/{account_id}/value", responses=documented(*READS, *WAITS), openapi_extra=ANYBODY_NEAR)
async def value(account_id: TheAccount, desk: TheDesk) -> shapes.AccountValueResponse:
    """Tell what the whole account is worth, by the broker."""
    account = desk.configuration.account(account_id)
    with desk.room.place():
        snapshot = await read_positions(desk.client, account)
    worth = shapes.number(snapshot.net_liquidation)
    return shapes.AccountValueResponse(account_id=account_id, net_liquidation=worth, timestamp=snapshot.taken_at)


@router.get("/health", responses=documented(*READS), openapi_extra=ANYBODY_NEAR)
async def health(desk: TheDesk) -> shapes.HealthResponse:
    """Tell that this process lives. Whether it could rebalance now is what `/ready` tells."""
    connected = await is_gateway_connected(desk.client, desk.configuration.now.gateways)
    return shapes.HealthResponse(
        status="healthy", ibkr_connected=connected, timestamp=datetime.now(UTC), message=CONNECTED[connected]
    )


async def _rebalanced(
    request: Request, desk: OpenDesk, account_id: str, mode: ExecutionMode, caller: Caller, key: str | None
) -> shapes.RebalanceResponse | JSONResponse:
    desk.configuration.account(account_id)
    trigger = as_asked(
        requested, account=account_id, mode=mode, event_id=_unquoted(key), source=HTTP_SOURCE, by=caller.by
    )
    return await carried_out(request, desk, trigger)


async def carried_out(request: Request, desk: OpenDesk, trigger: Trigger) -> shapes.RebalanceResponse | JSONResponse:
    """Deliver a request, and tell what came of it; or that it goes on, to a caller who would have to wait too long."""
    account = desk.configuration.account(trigger.account)
    with desk.room.place():
        await deliver(desk.client, trigger, account.strategy_name)
        try:
            work = outcome_of(desk.client, trigger, too_long=LONG_WAITS)
            longest = desk.configuration.settings.concurrency.operation_timeout
            record, outcome = await wait_for(request, work, longest)
        except (GoesOn, WaitsLong) as going_on:
            return accepted(trigger, going_on)
    return _told(account, trigger, record, outcome)


def _told(account: Account, trigger: Trigger, record: EventRecord, outcome: Outcome | None) -> shapes.RebalanceResponse:
    plan = outcome.plan if outcome else None
    told = record.summary or f"event {trigger.event_id}: {record.status.value}"
    return shapes.RebalanceResponse(
        account_id=trigger.account,
        execution_mode=shapes.mode_of(trigger.mode),
        equity_info=shapes.AccountEquityInfo.of(plan, account) if plan else None,
        orders=shapes.orders_of(outcome) if outcome else [],
        cancelled_orders=[shapes.CancelledOrderInfo.of(each) for each in (outcome.cancelled_orders if outcome else ())],
        status="success" if record.status is EventStatus.COMPLETED else "error",
        message=_dry_run_told(outcome) if plan and trigger.mode is ExecutionMode.DRY_RUN else told,
        timestamp=outcome.finished_at if outcome else datetime.now(UTC),
    )


def _dry_run_told(outcome: Outcome | None) -> str:
    assert outcome is not None
    assert outcome.plan is not None
    return f"A dry run: {len(outcome.plan.orders)} orders would be sent, to a drift of {outcome.drift:.2f} %."


def _account_info(account: Account, base_url: str | None) -> shapes.AccountInfo:
    url = account.allocations.url or (None if _is_local(account) else base_url)
    return shapes.AccountInfo(
        account_id=account.account_id,
        notification_channel=account.strategy_name,
        allocations_url=without_secrets(url) if url else None,
    )


def _is_local(account: Account) -> bool:
    return account.allocations.file is not None or account.written_targets is not None


def _unquoted(key: str | None) -> str | None:
    """The id in the header, which its draft standard writes in quotes and most people do not."""
    if key is not None and len(key) > 2 and key.startswith('"') and key.endswith('"'):
        return key[1:-1]
    return key
