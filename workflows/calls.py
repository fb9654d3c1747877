"""Every activity a rebalance calls: its queue, time-outs and retries, with the reason beside each.

Workflows know activities by their contract only, so that workflow code never imports what touches the world.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final, Protocol, TypeVar, cast

from temporalio import workflow
from temporalio.common import Priority, RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, TimeoutError, is_cancelled_exception
from temporalio.workflow import ActivityCancellationType

from contract.activities import (
    ConnectionContract,
    GatewayContract,
    OpeningContract,
    PlanningContract,
    TargetsContract,
    TurnContract,
)
from contract.names import REBALANCES_QUEUE, TURNS_QUEUE, fills_queue, gateway_queue
from contract.priority import BEGINNING, FINISHING, OPERATOR
from contract.requests import (
    NOTHING_SENT,
    SENDING_BEGAN,
    Acknowledgement,
    AcknowledgeRequest,
    CancelOpenRequest,
    IntentsRequest,
    Opening,
    OpeningRequest,
    PlaceRequest,
    PrepareRequest,
    SnapshotRequest,
    TurnRequest,
)
from contract.timeouts import HEARTBEAT_TIMEOUT, VISIT_TIMEOUT
from rebalancing.accounts import Account
from rebalancing.errors import RebalancerError
from rebalancing.failures import ActivityTimeout
from rebalancing.funding.margin import MarginPreview, MarginQuestions, MarginRequest
from rebalancing.guards import Breach, GuardRequest
from rebalancing.market.snapshot import AccountSnapshot
from rebalancing.orders.order import Intent, OrderReport
from rebalancing.planner.plan import Plan, PlannedOrder, PlanRequest
from rebalancing.settings import Settings
from rebalancing.targets import Targets

Contract = TypeVar("Contract")
Request = TypeVar("Request")
Answer = TypeVar("Answer")

LOCAL_TIMEOUT: Final = timedelta(seconds=15)
"""For activities that only look up or compute: generous, they take milliseconds."""

ALLOCATIONS_TIMEOUT: Final = timedelta(seconds=15)
"""One request to the allocations API."""


class ForAnAccount(Protocol):
    """What these calls need to know of the workflow that makes them."""

    @property
    def account_id(self) -> str:
        """The account it is for."""
        ...

    @property
    def gateway(self) -> str | None:
        """The name of the account's gateway; ``None`` for the one without a name."""
        ...

    @property
    def is_for_operator(self) -> bool:
        """Whether a person asked for this rebalance and waits for it."""
        ...


def retry_policy(settings: Settings) -> RetryPolicy:
    """The configured back-off as Temporal's own. Temporal adds the jitter itself.

    Temporal sets no limit: it would count a lost worker like a failing gateway. How often a gateway may fail is counted
    where it fails (``activities.failures``); whatever else happens ends with the call's own time-outs.
    """
    retry = settings.retry
    return RetryPolicy(
        initial_interval=timedelta(seconds=float(retry.base_delay)),
        maximum_interval=timedelta(seconds=float(retry.max_delay)),
        backoff_coefficient=float(retry.multiplier),
    )


async def open_rebalance(request: OpeningRequest) -> Opening:
    """The account's configuration, the settings, and what earlier runs remember."""
    return await workflow.execute_local_activity_method(
        OpeningContract.open_rebalance,
        request,
        start_to_close_timeout=LOCAL_TIMEOUT,
        retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=10)),
    )


def hold_turn(settings: Settings, request: TurnRequest) -> workflow.ActivityHandle[None]:
    """Hold one of the slots that limit how many rebalances run at once; given back by cancelling the handle."""
    return workflow.start_activity_method(
        TurnContract.hold_turn,
        request,
        task_queue=TURNS_QUEUE,
        start_to_close_timeout=timedelta(seconds=settings.max_wait),
        heartbeat_timeout=HEARTBEAT_TIMEOUT,
        retry_policy=retry_policy(settings),
        cancellation_type=ActivityCancellationType.TRY_CANCEL,
    )


async def read_targets(settings: Settings, account: Account) -> Targets:
    """The published target weights. A failing API is tried again until the operation time-out, visible to everybody.

    The first try is a local activity: an answer that comes at once costs no further round trips through the server.
    """
    try:
        return await workflow.execute_local_activity_method(
            TargetsContract.read_targets,
            account,
            start_to_close_timeout=ALLOCATIONS_TIMEOUT,
            retry_policy=RetryPolicy(maximum_attempts=1),
        )
    except (ActivityError, ApplicationError) as error:  # a local activity's failure comes without the first
        if is_cancelled_exception(error) or _is_final(error):
            raise
    return await workflow.execute_activity_method(
        TargetsContract.read_targets,
        account,
        task_queue=REBALANCES_QUEUE,
        start_to_close_timeout=ALLOCATIONS_TIMEOUT,
        retry_policy=retry_policy(settings),
        summary=account.strategy_name,
    )


async def read_snapshot(settings: Settings, request: SnapshotRequest, priority: int = BEGINNING) -> AccountSnapshot:
    """Account, positions, working orders, contracts and quotes, in one slot visit; more of them for many new symbols.

    In the midst of a rebalance what the gateway pushed is usually all that is needed: that takes no visit.
    """
    if priority == FINISHING:
        pushed = await _beside(settings, ConnectionContract.read_pushed, request)
        if pushed is not None:
            return pushed
    snapshot = await _visit(settings, GatewayContract.read_snapshot, request, priority)
    while snapshot.unread:
        request = request.rest_of(snapshot)
        snapshot = (await _visit(settings, GatewayContract.read_snapshot, request, priority)).after(snapshot)
    return snapshot


async def make_plan(request: PlanRequest) -> Plan:
    """The plan for both legs; an activity, so that a changed planner never breaks a replay."""
    return await _compute(PlanningContract.make_plan, request)


async def size_buys(request: PlanRequest) -> tuple[PlannedOrder, ...]:
    """The buy leg for the cash that is really there."""
    return await _compute(PlanningContract.size_buys, request)


async def check_guards(request: GuardRequest) -> tuple[Breach, ...]:
    """The guards a plan breaches; an activity for the same reason."""
    return await _compute(PlanningContract.check_guards, request)


async def ask_margin(settings: Settings, request: MarginRequest) -> MarginQuestions:
    """Ask IBKR in one visit what a plan would do to a margin account."""
    return await _visit(settings, GatewayContract.ask_margin, request, FINISHING)


async def margin_answers(settings: Settings, questions: MarginQuestions) -> MarginPreview:
    """Wait for the answers; ``GatewayRenewed`` where the connection was lost meanwhile: ask again."""
    return await _beside(settings, ConnectionContract.margin_answers, questions)


async def cancel_open_orders(settings: Settings, request: CancelOpenRequest) -> tuple[str, ...]:
    """Cancel the account's working orders; the refs of those that still work."""
    timeout = timedelta(seconds=request.timeout) + VISIT_TIMEOUT
    return await _visit(settings, GatewayContract.cancel_open_orders, request, OPERATOR, timeout)


async def prepare_leg(settings: Settings, request: PrepareRequest) -> tuple[Intent, ...]:
    """Reserve order ids, so that the intents are in history before a byte is sent (promise P3).

    It asks the gateway nothing, so it does not wait for the slot.
    """
    return await _beside(settings, ConnectionContract.prepare_leg, request)


async def place_leg(settings: Settings, request: PlaceRequest, *, overtaken: bool = False) -> tuple[OrderReport, ...]:
    """Place the leg in one visit, adopting what the broker already has; it does not hold the slot for the answers."""
    # Order ids go out in rising order: a leg that was overtaken goes first, or it would be again.
    priority = OPERATOR if overtaken else FINISHING
    return await _visit(settings, GatewayContract.place_leg, request, priority)


async def reprice_leg(settings: Settings, intents: tuple[Intent, ...]) -> tuple[OrderReport, ...]:
    """Bring the limits of a leg's working orders up to the market, in one visit."""
    return await _visit(settings, GatewayContract.reprice_leg, intents, FINISHING)


async def await_fills(settings: Settings, request: IntentsRequest) -> tuple[OrderReport, ...]:
    """Wait for the leg to fill, without holding the slot."""
    return await workflow.execute_activity_method(
        ConnectionContract.await_fills,
        request,
        task_queue=fills_queue(_own().gateway),
        start_to_close_timeout=timedelta(seconds=request.timeout) + VISIT_TIMEOUT,
        heartbeat_timeout=HEARTBEAT_TIMEOUT,
        retry_policy=retry_policy(settings),
        cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        priority=_priority(FINISHING),
    )


async def acknowledge_leg(settings: Settings, request: AcknowledgeRequest) -> Acknowledgement:
    """Wait for the gateway's answers to a leg, and for its fills as long as the request says.

    It fails with ``GatewayRenewed`` where the connection was lost meanwhile: placing the leg again looks it up first.
    """
    return await _beside(settings, ConnectionContract.acknowledge_leg, request)


async def cancel_orders(settings: Settings, request: IntentsRequest) -> tuple[OrderReport, ...]:
    """Cancel what still works of these intents, and wait for the confirmation (promise P8)."""
    timeout = timedelta(seconds=request.timeout) + VISIT_TIMEOUT
    return await _visit(settings, GatewayContract.cancel_orders, request, OPERATOR, timeout)


async def _visit(
    settings: Settings,
    visit: Callable[[GatewayContract, Request], Awaitable[Answer]],
    request: Request,
    priority: int,
    timeout: timedelta = VISIT_TIMEOUT,
) -> Answer:
    """What sends requests: in the gateway's one slot."""
    return await _at_gateway(settings, visit, request, gateway_queue(_own().gateway), priority, timeout)


async def _beside(
    settings: Settings, call: Callable[[ConnectionContract, Request], Awaitable[Answer]], request: Request
) -> Answer:
    """What rests on the connection and sends nothing: it does not wait for the slot."""
    return await _at_gateway(settings, call, request, fills_queue(_own().gateway), FINISHING, VISIT_TIMEOUT)


async def _at_gateway(
    settings: Settings,
    call: Callable[[Contract, Request], Awaitable[Answer]],
    request: Request,
    queue: str,
    priority: int,
    timeout: timedelta,
) -> Answer:
    return await workflow.execute_activity_method(
        call,
        request,
        task_queue=queue,
        start_to_close_timeout=timeout,
        schedule_to_close_timeout=timedelta(seconds=float(settings.max_wait)),
        heartbeat_timeout=HEARTBEAT_TIMEOUT,
        retry_policy=retry_policy(settings),
        cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
        priority=_priority(priority),
    )


def _own() -> ForAnAccount:
    return cast(ForAnAccount, workflow.instance())


def _priority(key: int) -> Priority:
    """Accounts take turns in beginning. What finishes keeps its order, which is that of the order ids reserved for it.

    An account has one visit waiting at most, and places long legs in parts: so it never holds up the others for long.
    """
    own = _own()
    key = OPERATOR if own.is_for_operator else key
    return Priority(priority_key=key, fairness_key=own.account_id if key == BEGINNING else None)


async def _compute(call: Callable[[PlanningContract, Request], Awaitable[Answer]], request: Request) -> Answer:
    """A computation, in the worker that has the workflow: its result is recorded, its queueing is not needed."""
    return await workflow.execute_local_activity_method(
        call,
        request,
        start_to_close_timeout=LOCAL_TIMEOUT,
        retry_policy=RetryPolicy(maximum_attempts=3),
    )


def sending_began(error: ActivityError) -> bool:
    """Whether orders may be under way although ``place_leg`` failed: only the server's own word says that none are."""
    match error.cause:
        case ApplicationError() as failure:
            return NOTHING_SENT not in failure.details
        case TimeoutError() as failure:
            return SENDING_BEGAN in failure.last_heartbeat_details
        case _:
            return True


def own_error(error: ActivityError | ApplicationError | RebalancerError) -> ApplicationError:
    """What went wrong, as Temporal tells it: the error of the activity or of the domain itself.

    For an activity that gave none: what that means in words.
    """
    if isinstance(error, ActivityError) and not isinstance(error.cause, ApplicationError):
        error = ActivityTimeout(
            f"{error.activity_type} had no result in time ({error.cause}). Look whether a worker and the gateway are "
            "up."
        )
    if isinstance(error, RebalancerError):
        return ApplicationError(str(error), type=type(error).__name__, non_retryable=True)
    return cast(ApplicationError, error.cause) if isinstance(error, ActivityError) else error


def _is_final(error: ActivityError | ApplicationError) -> bool:
    failure = error.cause if isinstance(error, ActivityError) else error
    return isinstance(failure, ApplicationError) and failure.non_retryable
