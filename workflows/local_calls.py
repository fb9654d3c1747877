"""What a rebalance asks for that needs no gateway: its configuration, targets, plans, and its turn."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final, TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception
from temporalio.workflow import ActivityCancellationType

from contract.activities import (
    CircuitBreakerContract,
    HaltsContract,
    HistoryContract,
    OpeningContract,
    PlanningContract,
    SealsContract,
    TargetsContract,
    TurnContract,
)
from contract.messages import RunInput
from contract.names import REBALANCES_QUEUE, TURNS_QUEUE
from contract.requests import HistoryRequest, Opening, OpeningRequest, TurnRequest, Verdict
from contract.seals import SealRequest
from contract.summaries import summary
from contract.timeouts import HEARTBEAT_TIMEOUT
from rebalancing.accounts import Account
from rebalancing.guards import Breach, GuardRequest
from rebalancing.orders.placed_order import PlacedOrder
from rebalancing.planner.plan import Plan, PlannedOrder, PlanRequest
from rebalancing.settings import Settings
from rebalancing.targets import Targets
from rebalancing.triggers import Trigger
from workflows import summaries as words
from workflows.activity_errors import is_final
from workflows.retries import retry_policy

Request = TypeVar("Request")
Answer = TypeVar("Answer")

LOCAL_TIMEOUT: Final = timedelta(seconds=15)
"""For activities that only look up or compute: generous, they take milliseconds."""

ALLOCATIONS_TIMEOUT: Final = timedelta(seconds=15)
"""One request to the allocations API."""


AT_THE_SERVER: Final = RetryPolicy(initial_interval=timedelta(milliseconds=200), maximum_interval=timedelta(seconds=10))
"""For what only the server is asked for: it comes back."""


JUDGED_WITHIN: Final = timedelta(minutes=2)
"""What counts failures keeps no rebalance from ending for longer."""


async def open_rebalance(start: RunInput, live: tuple[Trigger, ...]) -> Opening:
    """The account's configuration, the settings, what earlier runs remember, and whether these triggers count."""
    info = workflow.info()
    request = OpeningRequest(
        account=start.account,
        workflow_id=info.workflow_id,
        run_id=info.run_id,
        is_follow_up=start.events is not None,
        run_before=info.continued_run_id or "",
        proof=start.proof,
        triggers=live,
    )
    return await workflow.execute_local_activity_method(
        OpeningContract.open_rebalance,
        request,
        start_to_close_timeout=LOCAL_TIMEOUT,
        retry_policy=AT_THE_SERVER,
        summary=summary("open", "configuration and events known of", start.account),
    )


async def judge_seal(request: SealRequest) -> str:
    """Why what was asked of this run does not count, in words; empty where it does."""
    return await workflow.execute_local_activity_method(
        SealsContract.judge_seal,
        request,
        start_to_close_timeout=LOCAL_TIMEOUT,
        retry_policy=AT_THE_SERVER,
        summary=summary("does its seal count?"),
    )


async def held_by(account: str) -> str:
    """What lets no order of this account go out at this moment, in words; empty where nothing does."""
    return await workflow.execute_local_activity_method(
        HaltsContract.what_holds,
        account,
        start_to_close_timeout=LOCAL_TIMEOUT,
        retry_policy=AT_THE_SERVER,
        summary=summary("is trading halted or paused?"),
    )


async def unknown_orders(request: HistoryRequest) -> tuple[PlacedOrder, ...]:
    """Those of the orders at the broker that this history does not know."""
    return await workflow.execute_local_activity_method(
        HistoryContract.unknown_orders,
        request,
        start_to_close_timeout=LOCAL_TIMEOUT,
        retry_policy=AT_THE_SERVER,
        summary=summary("does the history know the orders of ours at the broker?", f"{len(request.orders)} of today"),
    )


async def judge(verdict: Verdict) -> bool:
    """Have the circuit breaker count how a rebalance ended; whether its strategy is paused now."""
    return await workflow.execute_local_activity_method(
        CircuitBreakerContract.judge,
        verdict,
        start_to_close_timeout=LOCAL_TIMEOUT,
        schedule_to_close_timeout=JUDGED_WITHIN,
        retry_policy=AT_THE_SERVER,
        summary=summary("circuit breaker: count how this ended", verdict.strategy),
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
        summary=summary("wait for a turn (max_concurrent_rebalances) and hold it"),
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
            summary=summary("target weights", account.strategy_name),
        )
    except (ActivityError, ApplicationError) as error:  # a local activity's failure comes without the first
        if is_cancelled_exception(error) or is_final(error):
            raise
    return await workflow.execute_activity_method(
        TargetsContract.read_targets,
        account,
        task_queue=REBALANCES_QUEUE,
        start_to_close_timeout=ALLOCATIONS_TIMEOUT,
        retry_policy=retry_policy(settings),
        summary=summary("target weights, asked again and again", account.strategy_name),
    )


async def make_plan(request: PlanRequest) -> Plan:
    """The plan for both legs; an activity, so that a changed planner never breaks a replay."""
    return await _compute(PlanningContract.make_plan, request, words.planning(request, "plan both legs"))


async def size_buys(request: PlanRequest) -> tuple[PlannedOrder, ...]:
    """The buy leg for the cash that is really there."""
    return await _compute(
        PlanningContract.size_buys, request, words.planning(request, "size the buys by the cash that is there")
    )


async def check_guards(request: GuardRequest) -> tuple[Breach, ...]:
    """The guards a plan breaches; an activity for the same reason."""
    return await _compute(
        PlanningContract.check_guards, request, words.plan(request.plan, "hold the plan against the guards")
    )


async def _compute(
    call: Callable[[PlanningContract, Request], Awaitable[Answer]], request: Request, told: str
) -> Answer:
    """A computation, in the worker that has the workflow: its result is recorded, its queueing is not needed."""
    return await workflow.execute_local_activity_method(
        call,
        request,
        start_to_close_timeout=LOCAL_TIMEOUT,
        retry_policy=RetryPolicy(maximum_attempts=3),
        summary=told,
    )
