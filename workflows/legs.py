"""The legs of one rebalance: their orders placed, watched, given new prices, and cancelled (promises P3 and P8)."""

import asyncio
from datetime import timedelta
from typing import Final, NamedTuple

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from contract.requests import SnapshotRequest
from rebalancing.accounts import Account
from rebalancing.freshness import figures_of
from rebalancing.market.quote_checks import quote_problems
from rebalancing.market.snapshot import AccountSnapshot
from rebalancing.orders.order import Intent, LegOrder, OrderReport, OrderState, order_ref
from rebalancing.orders.order_course import Course, course_of
from rebalancing.orders.order_policy import Remainder
from rebalancing.orders.order_terms import affordable_rest, at_market, leg_order
from rebalancing.outcomes import Phase
from rebalancing.planner.plan import PlannedOrder
from rebalancing.settings import Settings
from workflows.gateway import Gateway
from workflows.placing import AccountAfterLeg, Placing
from workflows.run_orders import RESOLVED
from workflows.run_state import RunState
from workflows.summaries import orders_at_work
from workflows.waits import Waits, asleep, done_within

FILLS_MARGIN: Final = timedelta(seconds=5)
"""How much longer fills are listened for than until something is due: the timer rings first."""


class Traded(NamedTuple):
    """What became of a leg: of the orders that were sent, and which were withdrawn because their figures were old.

    ``after`` is the account as the end of the leg told it, if it did. ``is_overtaken``: the broker has orders of this
    run that are in no history, so nothing follows from its plan.
    """

    reports: tuple[OrderReport, ...] = ()
    withdrawn: tuple[OrderReport, ...] = ()
    after: AccountAfterLeg | None = None
    is_overtaken: bool = False

    @property
    def is_unfinished(self) -> bool:
        """Whether the account is to be read, and the rest planned for, anew."""
        return bool(self.withdrawn) or self.is_overtaken

    @property
    def was_resolved(self) -> bool:
        """Whether a person had to say what became of an order."""
        return any(report.reason == RESOLVED for report in self.reports)

    @property
    def was_cut_short(self) -> bool:
        """Whether an order was cancelled with a part of it left."""
        return any(report.state is OrderState.CANCELLED and report.filled < report.quantity for report in self.reports)


class Legs:
    """Carries out the legs of one run."""

    def __init__(self, account: Account, settings: Settings, gateway: Gateway, state: RunState, waits: Waits) -> None:
        self._placing = Placing(account.account_id, gateway, state.orders)
        self._account = account
        self._settings = settings
        self._gateway = gateway
        self._state = state
        self._waits = waits
        self._orders = state.orders
        self._numbered = 0

    async def cancel_working(self) -> None:
        """Cancel what still works and learn what had filled (promise P8)."""
        if self._orders.working:
            await self._cancel(self._orders.working)

    async def trade(
        self,
        phase: Phase,
        leg: int,
        planned: tuple[PlannedOrder, ...],
        opening: AccountSnapshot,
        reading: SnapshotRequest,
    ) -> Traded:
        """Carry out one leg; returns once none of its orders works any more, and none is of unknown fate.

        Orders whose figures were old before they could be sent are withdrawn: the account is then to be read, and the
        rest planned for, anew (promise P11). ``reading`` is how the account is read, also when what a limit order has
        left is to be traded at market.
        """
        if not planned:
            return Traded()
        self._state.enter(phase)
        orders = [self._leg_order(leg, order, opening) for order in planned]
        placed = await self._placing.place(tuple(orders), reading, opening.order_ids)
        courses = self._courses(placed.intents, opening)
        while courses := [course for course in courses if self._orders.still_working((course.intent,))]:
            ended = await self._watch(courses, phase)
            courses = [course for course in courses if course not in ended]
            await self._reprice([course for course in courses if course.next_at <= workflow.now()])
            courses = [course.after(workflow.now()) for course in courses]
            at_last = await self._end(leg, ended, phase, reading)
            if at_last:
                orders += at_last
                placed = await self._placing.place(at_last, reading)
                courses += self._courses(placed.intents, opening)
        await self._resolve_unknown()
        refs = [order.ref for order in orders]
        traded = Traded(
            tuple(self._orders.reports[ref] for ref in refs if ref in self._orders.reports),
            tuple(self._orders.withdrawn[ref] for ref in refs if ref in self._orders.withdrawn),
            placed.after,
        )
        if traded.withdrawn:
            self._state.notes.append(_withdrawal(traded.withdrawn))
        return traded

    def _leg_order(self, leg: int, order: PlannedOrder, opening: AccountSnapshot) -> LegOrder:
        ref = self._ref(leg, order.symbol, order.side, order.quantity)
        return leg_order(self._account, ref, order, opening, workflow.now(), self._freshness)

    # --- one leg at work ------------------------------------------------------------------------------------------

    async def _watch(self, courses: list[Course], phase: Phase) -> list[Course]:
        """Wait for fills until something is due, without holding the gateway's slot; the courses that have ended.

        While orders are worked by a policy that takes its time, the timer is Temporal's own and the time is not counted
        as work; a worker that is lost meanwhile delays nothing.
        """
        intents = tuple(course.intent for course in courses)
        if all(course.is_plain for course in courses):
            await self._await_fills(intents, max(course.ends_at for course in courses) - workflow.now())
            return courses
        due = min(course.next_at for course in courses)
        left = max(due - workflow.now(), timedelta())
        fills = asyncio.create_task(self._await_fills(intents, left + FILLS_MARGIN))
        self._state.is_watching_orders = True
        with self._state.clock.waiting():
            try:
                await done_within(fills, left, orders_at_work(intents, "their next step"))
            finally:
                cut_short = await self._stop_listening(fills)
                self._state.is_watching_orders = False
        self._state.enter(phase)
        if not cut_short and self._orders.still_working(
            intents
        ):  # nothing more is heard of them; what is due is still done
            with self._state.clock.waiting():
                await asleep(due - workflow.now(), orders_at_work(intents, "their next step"))
        return [course for course in courses if course.ends_at <= workflow.now()]

    async def _stop_listening(self, fills: asyncio.Task[None]) -> bool:
        """End the wait for fills if it still goes on; what it would have told is told by the next one."""
        if not workflow.in_workflow():
            return False  # thrown out of a worker's memory
        cut_short = not fills.done()
        if cut_short:
            fills.cancel()
            await workflow.wait([fills])
        error = None if fills.cancelled() else fills.exception()
        if error is not None and not (cut_short and is_cancelled_exception(error)):
            raise error
        return cut_short

    async def _reprice(self, courses: list[Course]) -> None:
        """Let the limits of these orders follow the market, all in one visit to the gateway."""
        intents = self._orders.still_working(tuple(course.intent for course in courses))
        if not intents:
            return
        try:
            self._orders.note(await self._gateway.reprice(intents))
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            # The orders work on at the prices they have, which are within what they were sized for.
            symbols = ", ".join(intent.symbol for intent in intents)
            self._state.notes.append(f"{symbols}: the limits could not be brought up to the market ({error.cause})")

    @property
    def _freshness(self) -> timedelta:
        return timedelta(seconds=float(self._settings.freshness))

    async def _end(
        self, leg: int, courses: list[Course], phase: Phase, reading: SnapshotRequest
    ) -> tuple[LegOrder, ...]:
        """Cancel what of these is still at work; the market orders for what is left where that goes to market.

        A limit order cannot be turned into a market order (code 329). So it is cancelled first, and what is left is a
        new intent, for no more than what the broker confirmed as not filled.
        """
        intents = self._orders.still_working(tuple(course.intent for course in courses))
        if not intents:
            return ()
        await self._cancel(intents)
        self._state.check()
        self._orders.doubt(intents, self._settings.concurrency.cancel_timeout)
        self._state.enter(phase)
        rests = {intent: rest for intent in intents if (rest := self._rest(intent))}
        to_market = {c.intent: rests[c.intent] for c in courses if c.then is Remainder.MARKET and c.intent in rests}
        self._note_given_up([intent for intent in rests if intent not in to_market], phase)
        return await self._at_market(leg, to_market, reading) if to_market else ()

    async def _at_market(self, leg: int, rests: dict[Intent, int], reading: SnapshotRequest) -> tuple[LegOrder, ...]:
        """The market orders for as much of these rests as is affordable: nothing by a quote that nobody trades by."""
        fresh = await self._gateway.read(reading, fresh=False)
        quotes = [fresh.quotes[intent.symbol] for intent in rests if intent.symbol in fresh.quotes]
        needed = self._account.least_quotes
        problems = quote_problems(quotes, workflow.now(), self._settings.quotes, needed, frozenset())
        self._state.notes += [f"what is left is not traded at market: {problem}" for problem in problems]
        refused = {problem.symbol for problem in problems}
        affordable = {
            intent: affordable_rest(intent, rest, fresh.buy_prices)
            for intent, rest in rests.items()
            if intent.symbol not in refused
        }
        return tuple(
            self._market_order(leg, intent, quantity, fresh) for intent, quantity in affordable.items() if quantity
        )

    def _market_order(self, leg: int, order: Intent, quantity: int, fresh: AccountSnapshot) -> LegOrder:
        sessions = fresh.contracts[order.symbol].sessions
        figures = figures_of(fresh, order.symbol, sessions, self._freshness, workflow.now())
        return at_market(order, self._ref(leg, order.symbol, order.side, quantity), quantity, figures)

    def _rest(self, intent: Intent) -> int:
        """What of a cancelled order is not filled; 0 where that is not certain."""
        report = self._orders.reports[intent.ref]
        return report.quantity - report.filled if report.state is OrderState.CANCELLED else 0

    def _note_given_up(self, intents: list[Intent], phase: Phase) -> None:
        for intent in intents:
            report = self._orders.reports[intent.ref]
            self._state.notes.append(
                f"{intent.order_type} {intent.side} {intent.symbol}: {report.filled} of {report.quantity} shares "
                f"filled in the time of {phase.value}; the rest was cancelled"
            )

    def _courses(self, intents: tuple[Intent, ...], opening: AccountSnapshot) -> list[Course]:
        now, fill_timeout = workflow.now(), timedelta(seconds=float(self._settings.fill_timeout))
        return [
            course_of(
                intent,
                self._account.policy_for(intent.symbol),
                now,
                fill_timeout,
                opening.contracts[intent.symbol].sessions,
            )
            for intent in intents
        ]

    def _ref(self, leg: int, *content: object) -> str:
        """The ref of the next order of this run; no two orders of a run have the same number."""
        self._numbered += 1
        run_id = workflow.info().original_execution_run_id
        return order_ref(run_id, leg, self._numbered, self._account.account_id, *content)

    # --- at the gateway -------------------------------------------------------------------------------------------

    async def _cancel(self, intents: tuple[Intent, ...]) -> None:
        self._state.enter(Phase.CANCELLING_WORKING_ORDERS)
        self._orders.note(await self._gateway.cancel(intents))

    async def _await_fills(self, intents: tuple[Intent, ...], timeout: timedelta) -> None:
        awaited = self._orders.still_working(intents)
        if awaited:
            self._orders.note(await self._gateway.fills(awaited, timeout))

    async def _resolve_unknown(self) -> None:
        """Wait for the operator where the fate of an order cannot be known (promise P3)."""
        if not self._orders.unknown:
            return
        reasons = "; ".join(report.reason for report in self._orders.unknown)
        self._state.enter(Phase.NEEDS_OPERATOR, reasons)
        await self._waits.until(lambda: not self._orders.unknown, f"an operator: {reasons}")


def _withdrawal(withdrawn: tuple[OrderReport, ...]) -> str:
    orders = ", ".join(f"{report.side} {report.quantity} {report.symbol}" for report in withdrawn)
    reasons = "; ".join(dict.fromkeys(report.reason for report in withdrawn))
    return f"not sent: {orders} ({reasons}); the account was read again and planned for anew"
