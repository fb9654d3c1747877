"""The account's gateway, as a rebalance asks it: queues, time-outs, retries, priorities and waiting are all in here.

While the gateway is away every call waits for it, up to ``max_wait``, and asks again.
"""

from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta
from typing import Final, NamedTuple, TypeVar

from temporalio import workflow
from temporalio.common import Priority
from temporalio.exceptions import ActivityError
from temporalio.workflow import ActivityCancellationType

from contract.activities import ConnectionContract, GatewayContract
from contract.names import fills_queue, gateway_queue
from contract.priority import BEGINNING, FINISHING, OPERATOR
from contract.requests import (
    AcknowledgeRequest,
    CancelOpenRequest,
    IntentsRequest,
    PlaceRequest,
    PrepareRequest,
    RepriceRequest,
    SnapshotRequest,
)
from contract.summaries import summary
from contract.timeouts import HEARTBEAT_TIMEOUT, VISIT_TIMEOUT
from rebalancing.accounts import Account
from rebalancing.funding.margin_preview import MarginPreview, MarginRequest
from rebalancing.market.snapshot import AccountSnapshot, ContractDetails
from rebalancing.orders.order import UNSENT, Intent, LegOrder, OrderReport, OrderState
from rebalancing.outcomes import Phase
from rebalancing.settings import Settings
from workflows import summaries as words
from workflows.activity_errors import is_gateway_away, sending_began
from workflows.operation_clock import GATEWAY_ALLOWANCE
from workflows.retries import retry_policy
from workflows.run_state import RunState
from workflows.waits import Waits

T = TypeVar("T")
Contract = TypeVar("Contract")
Request = TypeVar("Request")
Answer = TypeVar("Answer")
ForOrder = TypeVar("ForOrder", Intent, OrderReport)

AWAY_PAUSE: Final = timedelta(seconds=5)
"""Between two rounds of tries while the gateway is away; within a round Temporal backs off itself."""


class OtherHistoryError(Exception):
    """An answer is to another question.

    An activity that was begun before a database was put back may answer in place of one that has its number since then.
    """


class Placed(NamedTuple):
    """What the gateway said of a leg; ``snapshot`` is the account after it, where that needed no request."""

    reports: tuple[OrderReport, ...]
    snapshot: AccountSnapshot | None


class Gateway:
    """One account's gateway."""

    def __init__(self, account: Account, settings: Settings, state: RunState, waits: Waits) -> None:
        self._account = account
        self._settings = settings
        self._state = state
        self._waits = waits
        self._contracts: dict[str, ContractDetails] = {}

    # --- reading --------------------------------------------------------------------------------------------------

    async def read(self, request: SnapshotRequest, *, fresh: bool) -> AccountSnapshot:
        """The account with its quotes. ``fresh`` asks for everything, as a rebalance does that begins.

        Otherwise what the gateway pushed is usually all that is needed: that takes no visit to the slot.
        """
        snapshot = await self._while_away(lambda: self._read(request, fresh=fresh))
        return self._with_contracts(snapshot)

    async def margin(self, request: MarginRequest) -> MarginPreview:
        """What a whole plan would do to a margin account."""
        request = request.model_copy(update={"permit": self._state.permit})

        async def preview() -> MarginPreview:
            questions = await self._visit(
                GatewayContract.ask_margin,
                request,
                FINISHING,
                words.margin(request, "ask IBKR: margin after this plan"),
            )
            told = words.margin(request, "IBKR's answers: margin after this plan")
            found = await self._on_connection(ConnectionContract.margin_answers, questions, told)
            if tuple(answer.order for answer in found.answers) != request.orders:
                raise OtherHistoryError
            return found

        return await self._while_away(preview)

    # --- orders ---------------------------------------------------------------------------------------------------

    async def prepare(self, orders: tuple[LegOrder, ...], above: int) -> tuple[Intent, ...]:
        """Reserve order ids ``above`` this one, so that intents are in history before a byte is sent (promise P3)."""
        request = PrepareRequest(orders=orders, above=above)
        told = words.leg(orders, "reserve order ids")
        return await self._for_orders(
            orders, lambda: self._on_connection(ConnectionContract.prepare_leg, request, told)
        )

    async def place(
        self, intents: tuple[Intent, ...], linger: timedelta, reading: SnapshotRequest, *, overtaken: bool
    ) -> Placed:
        """Place a leg, adopting what is there, and hear what the gateway says of it, for ``linger`` of its fills too.

        After a lost connection it is placed again, which looks it up first; what was certainly not sent the first time
        is left as it is. ``overtaken``: order ids go out in rising order, so a leg that was overtaken goes first, or it
        would be again.
        """
        # A reset workflow schedules anew what it may have done before.
        info = workflow.info()
        never_sent = info.run_id == info.original_execution_run_id
        reports: dict[str, OrderReport] = {}
        snapshot: AccountSnapshot | None = None

        async def place_and_hear() -> None:
            nonlocal never_sent, snapshot
            to_place = tuple(i for i in intents if i.ref not in reports or reports[i.ref].state not in UNSENT)
            request = PlaceRequest(intents=to_place, never_sent=never_sent, permit=self._state.permit)
            try:
                priority, told = OPERATOR if overtaken else FINISHING, words.leg(to_place, plan=self._state.plan)
                placed = await self._visit(GatewayContract.place_leg, request, priority, told)
            except ActivityError as error:
                never_sent = never_sent and not sending_began(error)
                raise
            never_sent = False
            reports.update((report.ref, report) for report in _answers(to_place, placed))
            self._state.note_placed(placed)
            working = tuple(intent for intent in to_place if reports[intent.ref].state is OrderState.WORKING)
            if working:
                awaited = AcknowledgeRequest(
                    intents=working, timeout=linger.total_seconds(), reading=self._knowing(reading)
                )
                told = words.leg(working, "answers and fills" if linger else "the broker's answers")
                said = await self._on_connection(ConnectionContract.acknowledge_leg, awaited, told)
                reports.update((report.ref, report) for report in _answers(working, said.reports))
                snapshot = self._with_contracts(said.snapshot) if said.snapshot else None

        try:
            await self._while_away(place_and_hear)
        except ActivityError:
            if never_sent:  # as for an account that was switched off just before
                self._state.orders.forget(intents)
            raise
        return Placed(tuple(reports.values()), snapshot)

    async def reprice(self, intents: tuple[Intent, ...]) -> tuple[OrderReport, ...]:
        """Bring the limits of working orders up to the market, in one visit."""
        told = words.leg(intents, "limits follow the market")
        request = RepriceRequest(intents=intents, permit=self._state.permit) if self._state.permit else intents
        return await self._for_orders(
            intents, lambda: self._visit(GatewayContract.reprice_leg, request, FINISHING, told)
        )

    async def fills(self, intents: tuple[Intent, ...], timeout: timedelta) -> tuple[OrderReport, ...]:
        """Wait until none of these orders works any more, or the time is over; all of it is work.

        Without the limit of ``max_wait``: a limit order may be worked for longer.
        """
        request = IntentsRequest(intents=intents, timeout=timeout.total_seconds())
        call, queue = ConnectionContract.await_fills, fills_queue(self._account.gateway)
        told = words.leg(intents, "wait for fills")
        return await self._for_orders(
            intents,
            lambda: self._execute(call, request, queue, FINISHING, told, timeout + VISIT_TIMEOUT, longest=None),
            allowance=None,
        )

    async def cancel(self, intents: tuple[Intent, ...]) -> tuple[OrderReport, ...]:
        """Cancel what still works of these, and wait for the confirmation (promise P8). Goes on while it is stopped."""
        request = IntentsRequest(intents=intents, timeout=self._cancel_timeout)
        timeout = timedelta(seconds=request.timeout) + VISIT_TIMEOUT
        told = words.leg(intents, "cancel")
        return await self._for_orders(
            intents,
            lambda: self._visit(GatewayContract.cancel_orders, request, OPERATOR, told, timeout),
            cleaning_up=True,
        )

    async def cancel_open(self) -> tuple[str, ...]:
        """Cancel the account's working orders; the refs of those that still work."""
        told = summary("cancel the orders that work from before")
        request = CancelOpenRequest(account=self._account.account_id, timeout=self._cancel_timeout)
        timeout = timedelta(seconds=request.timeout) + VISIT_TIMEOUT
        return await self._while_away(
            lambda: self._visit(GatewayContract.cancel_open_orders, request, OPERATOR, told, timeout)
        )

    # --- how it is asked ------------------------------------------------------------------------------------------

    @property
    def _cancel_timeout(self) -> float:
        return float(self._settings.concurrency.cancel_timeout)

    async def _read(self, request: SnapshotRequest, *, fresh: bool) -> AccountSnapshot:
        """In one slot visit; more of them for many new symbols."""
        if not fresh:
            request = self._knowing(request)
            told = summary("the account as the gateway pushed it")
            pushed = await self._on_connection(ConnectionContract.read_pushed, request, told)
            if pushed is not None:
                return pushed
        priority = BEGINNING if fresh else FINISHING
        snapshot = await self._visit(
            GatewayContract.read_snapshot, request, priority, words.reading(request, fresh=fresh)
        )
        while snapshot.unread:
            request = request.rest_of(snapshot)
            told = words.reading(request, fresh=fresh)
            snapshot = (await self._visit(GatewayContract.read_snapshot, request, priority, told)).after(snapshot)
        return snapshot

    def _knowing(self, request: SnapshotRequest) -> SnapshotRequest:
        """The same, which tells no contract again that was told to this run."""
        return request.model_copy(update={"known_contracts": tuple(sorted(self._contracts))})

    def _with_contracts(self, snapshot: AccountSnapshot) -> AccountSnapshot:
        """The snapshot with the contracts that were told to this run before, too."""
        self._contracts |= snapshot.contracts
        contracts = {symbol: self._contracts[symbol] for symbol in snapshot.quotes if symbol in self._contracts}
        return snapshot.model_copy(update={"contracts": contracts})

    async def _for_orders(
        self,
        orders: tuple[LegOrder, ...],
        call: Callable[[], Awaitable[tuple[ForOrder, ...]]],
        allowance: timedelta | None = GATEWAY_ALLOWANCE,
        *,
        cleaning_up: bool = False,
    ) -> tuple[ForOrder, ...]:
        """Make a call about these orders."""

        async def answers() -> tuple[ForOrder, ...]:
            return _answers(orders, await call())

        return await self._while_away(answers, allowance, cleaning_up=cleaning_up)

    async def _while_away(
        self,
        call: Callable[[], Awaitable[T]],
        allowance: timedelta | None = GATEWAY_ALLOWANCE,
        *,
        cleaning_up: bool = False,
    ) -> T:
        """Make a call; while the gateway is away, wait for it and call again.

        ``allowance`` ``None`` counts all of the call's time as work: it waits for fills, not for the slot.
        """
        deadline = workflow.now() + self._waits.longest
        while True:
            try:
                result = await self._counted(call, allowance)
            except (ActivityError, OtherHistoryError) as error:
                if isinstance(error, ActivityError) and not is_gateway_away(error):
                    raise
                if workflow.now() > deadline:
                    raise self._waits.too_long("the gateway") from error
            else:
                if not cleaning_up:
                    self._state.check()
                return result
            phase = self._state.phase
            self._state.enter(Phase.WAITING_FOR_GATEWAY, f"during {phase.value}")
            with self._state.clock.waiting():
                await workflow.sleep(AWAY_PAUSE, summary=words.gateway_away(phase, AWAY_PAUSE))
            self._state.enter(phase)

    async def _counted(self, call: Callable[[], Awaitable[T]], allowance: timedelta | None) -> T:
        if allowance is None:
            return await call()
        with self._state.clock.waiting(allowance):
            return await call()

    async def _visit(
        self,
        call: Callable[[GatewayContract, Request], Awaitable[Answer]],
        request: Request,
        priority: int,
        told: str,
        timeout: timedelta = VISIT_TIMEOUT,
    ) -> Answer:
        """What sends requests: in the gateway's one slot."""
        queue = gateway_queue(self._account.gateway)
        return await self._execute(call, request, queue, priority, told, timeout, longest=self._waits.longest)

    async def _on_connection(
        self, call: Callable[[ConnectionContract, Request], Awaitable[Answer]], request: Request, told: str
    ) -> Answer:
        """What rests on the connection and sends nothing: beside the slot, without waiting for it."""
        queue = fills_queue(self._account.gateway)
        return await self._execute(call, request, queue, FINISHING, told, VISIT_TIMEOUT, longest=self._waits.longest)

    async def _execute(
        self,
        call: Callable[[Contract, Request], Awaitable[Answer]],
        request: Request,
        queue: str,
        priority: int,
        told: str,
        timeout: timedelta,
        *,
        longest: timedelta | None,
    ) -> Answer:
        """``told`` is what the step is called in Temporal's UI."""
        return await workflow.execute_activity_method(
            call,
            request,
            task_queue=queue,
            start_to_close_timeout=timeout,
            schedule_to_close_timeout=longest,
            heartbeat_timeout=HEARTBEAT_TIMEOUT,
            retry_policy=retry_policy(self._settings),
            cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
            priority=self._priority(priority),
            summary=told,
        )

    def _priority(self, key: int) -> Priority:
        """Accounts take turns in beginning. What finishes keeps its order: that of the order ids reserved for it.

        An account has one visit waiting at most, and places long legs in parts: so it never holds up others for long.
        """
        key = OPERATOR if self._state.is_for_operator else key
        return Priority(priority_key=key, fairness_key=self._account.account_id if key == BEGINNING else None)


def _answers(asked: Iterable[LegOrder], answers: tuple[ForOrder, ...]) -> tuple[ForOrder, ...]:
    """The answers, if they are of the orders that were asked about."""
    if {each.ref for each in answers} <= {order.ref for order in asked}:
        return answers
    raise OtherHistoryError
