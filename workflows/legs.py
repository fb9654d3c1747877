"""The orders of one rebalance: intents placed leg by leg, watched, cancelled, and what became of each (P3, P8)."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta
from typing import Final

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

from rebalancing.accounts import Account
from rebalancing.order_course import Course, course_of
from rebalancing.order_policy import Ending
from rebalancing.order_terms import LimitPriceUnknown, affordable_rest, at_market, leg_order
from rebalancing.orders import Intent, LegOrder, OrderReport, OrderState, OrderType, order_ref
from rebalancing.outcomes import Phase
from rebalancing.plan import PlannedOrder
from rebalancing.quote_checks import quote_problems
from rebalancing.requests import HearRequest, IntentsRequest, PlaceRequest, SnapshotRequest
from rebalancing.settings import Settings
from rebalancing.snapshot import AccountSnapshot
from workflows import calls
from workflows.patience import Patience
from workflows.progress import Progress

FILLS_MARGIN: Final = timedelta(seconds=5)
"""How much longer fills are listened for than until something is due: the timer rings first."""

MOST_ORDERS_A_VISIT: Final = 24
"""Half a second of the gateway's 50 messages a second: the longest that one account's orders hold up the others'."""

LINGER: Final = timedelta(seconds=8)
"""How long fills of market orders are listened for without a further step of the workflow."""

THIS_MOMENT: Final = timedelta(seconds=1)
"""A snapshot is used as fresh for so long."""

NEW_ID_ROUNDS: Final = 10
"""How often a leg may need new order ids because other accounts' orders went out in between."""


Reread = Callable[[], Awaitable[AccountSnapshot]]
"""Reads the account again, with fresh quotes."""


class Legs:
    """Places legs, and knows of every intent what became of it. ``reports`` holds them by order ref.

    ``is_watching`` says that orders are being worked for longer than the ordinary time, which is not counted as work.
    ``reading`` is how the account is read, set by who reads it: the end of a leg can tell that too.
    """

    def __init__(self, account: Account, settings: Settings, patience: Patience, progress: Progress) -> None:
        self.reports: dict[str, OrderReport] = {}
        self.notes: list[str] = []
        self.is_watching = False
        self.reading: SnapshotRequest | None = None
        self._account = account
        self._settings = settings
        self._patience = patience
        self._progress = progress
        self._intents: tuple[Intent, ...] = ()
        self._snapshot: AccountSnapshot | None = None
        self._snapshot_at = workflow.now()

    def snapshot_after(self) -> AccountSnapshot | None:
        """The account as it was told with the end of the last leg, if that is this very moment; given once."""
        snapshot, self._snapshot = self._snapshot, None
        return snapshot if workflow.now() - self._snapshot_at <= THIS_MOMENT else None

    @property
    def working(self) -> tuple[Intent, ...]:
        """The intents whose orders may still trade."""
        return self._still_working(self._intents)

    async def cancel_working(self) -> None:
        """Cancel what still works and learn what had filled (promise P8)."""
        if self.working:
            await self._cancel(self.working)

    async def trade(
        self, phase: Phase, leg: int, planned: tuple[PlannedOrder, ...], opening: AccountSnapshot, reread: Reread
    ) -> tuple[OrderReport, ...]:
        """Carry out one leg; returns once none of its orders works any more, and none is of unknown fate.

        ``reread`` tells prices when what a limit order has left is to be traded at market.
        """
        if not planned:
            return ()
        self._progress.enter(phase)
        self._snapshot = None
        orders = [self._leg_order(leg, number, order, opening) for number, order in enumerate(planned, start=1)]
        courses = self._courses(await self._place(tuple(orders)), opening)
        while courses := [course for course in courses if self._still_working((course.intent,))]:
            ended = await self._watch(courses, phase)
            courses = [course for course in courses if course not in ended]
            await self._reprice([course for course in courses if course.next_at <= workflow.now()])
            courses = [course.after(workflow.now()) for course in courses]
            rests = await self._end(ended, phase, reread)
            if rests:
                numbered = enumerate(rests.items(), start=len(orders) + 1)
                at_last = [at_market(order, self._ref(leg, number), rest) for number, (order, rest) in numbered]
                orders += at_last
                courses += self._courses(await self._place(tuple(at_last)), opening)
        await self._resolve_unknown()
        return tuple(self.reports[order.ref] for order in orders)

    def _leg_order(self, leg: int, number: int, order: PlannedOrder, opening: AccountSnapshot) -> LegOrder:
        try:
            return leg_order(self._account, self._ref(leg, number), order, opening, workflow.now())
        except LimitPriceUnknown as unknown:
            # Looked at before the sells; here only for a price that went away since.
            raise ApplicationError(str(unknown), type=type(unknown).__name__, non_retryable=True) from unknown

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
        self.is_watching = True
        with self._patience.clock.waiting():
            try:
                await workflow.wait([fills], timeout=left.total_seconds())
            finally:
                cut_short = await self._stop_listening(fills)
                self.is_watching = False
        self._progress.enter(phase)
        if not cut_short and self._still_working(intents):  # nothing more is heard of them; what is due is still done
            with self._patience.clock.waiting():
                await asyncio.sleep(max((due - workflow.now()).total_seconds(), 0))
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
        intents = self._still_working(tuple(course.intent for course in courses))
        if not intents:
            return
        try:
            self._note(await self._patience.at_gateway(lambda: calls.reprice_leg(self._settings, intents)))
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            # The orders work on at the prices they have, which are within what they were sized for.
            symbols = ", ".join(intent.symbol for intent in intents)
            self.notes.append(f"{symbols}: the limits could not be brought up to the market ({error.cause})")

    async def _end(self, courses: list[Course], phase: Phase, reread: Reread) -> dict[LegOrder, int]:
        """Cancel what of these is still at work; what is left of the orders whose rest goes to market, in shares.

        A limit order cannot be turned into a market order (code 329). So it is cancelled first, and what is left is a
        new intent, for no more than what the broker confirmed as not filled.
        """
        intents = self._still_working(tuple(course.intent for course in courses))
        if not intents:
            return {}
        await self._cancel(intents)
        self._patience.check()
        self._doubt(intents)
        self._progress.enter(phase)
        rests = {intent: rest for intent in intents if (rest := self._rest(intent))}
        to_market = {c.intent: rests[c.intent] for c in courses if c.then is Ending.MARKET and c.intent in rests}
        self._note_given_up([intent for intent in rests if intent not in to_market], phase)
        return await self._affordable(to_market, reread) if to_market else {}

    async def _affordable(self, rests: dict[Intent, int], reread: Reread) -> dict[LegOrder, int]:
        """How much of these rests is traded at market: nothing by a quote that nobody trades by."""
        fresh = await reread()
        quotes = [fresh.quotes[intent.symbol] for intent in rests if intent.symbol in fresh.quotes]
        needed = self._account.least_quotes
        problems = quote_problems(quotes, workflow.now(), self._settings.quotes, needed, frozenset())
        self.notes += [f"what is left is not traded at market: {problem}" for problem in problems]
        refused = {problem.symbol for problem in problems}
        affordable = {
            intent: affordable_rest(intent, rest, fresh.buy_prices)
            for intent, rest in rests.items()
            if intent.symbol not in refused
        }
        return {intent: quantity for intent, quantity in affordable.items() if quantity}

    def _rest(self, intent: Intent) -> int:
        """What of a cancelled order is not filled; 0 where that is not certain."""
        report = self.reports[intent.ref]
        return report.quantity - report.filled if report.state is OrderState.CANCELLED else 0

    def _note_given_up(self, intents: list[Intent], phase: Phase) -> None:
        for intent in intents:
            report = self.reports[intent.ref]
            self.notes.append(
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

    def _ref(self, leg: int, number: int) -> str:
        return order_ref(workflow.info().original_execution_run_id, leg, number)

    # --- at the gateway -------------------------------------------------------------------------------------------

    async def _cancel(self, intents: tuple[Intent, ...]) -> None:
        self._progress.enter(Phase.CLEANING_UP)
        request = IntentsRequest(intents=intents, timeout=float(self._settings.concurrency.cancel_timeout))
        self._note(await self._patience.at_gateway(lambda: calls.cancel_orders(self._settings, request)))

    async def _place(self, orders: tuple[LegOrder, ...]) -> tuple[Intent, ...]:
        """Place a leg: in one visit, unless it has so many orders that others would wait for it."""
        placed: tuple[Intent, ...] = ()
        for start in range(0, len(orders), MOST_ORDERS_A_VISIT):
            part, is_last = orders[start : start + MOST_ORDERS_A_VISIT], start + MOST_ORDERS_A_VISIT >= len(orders)
            fill_soon = is_last and all(order.order_type is OrderType.MARKET for order in part)
            placed += await self._place_together(part, LINGER if fill_soon else timedelta())
        return placed

    async def _place_together(self, orders: tuple[LegOrder, ...], linger: timedelta) -> tuple[Intent, ...]:
        """Reserve ids, then place; an intent whose id was overtaken before it was sent gets a new one.

        Once the gateway has answered, fills are listened for ``linger`` longer: then most legs are over already.
        """
        placed: tuple[Intent, ...] = ()
        remaining = orders
        for tries in range(NEW_ID_ROUNDS):
            leg = remaining
            intents = await self._patience.at_gateway(lambda leg=leg: calls.prepare_leg(self._settings, leg))
            self._intents += intents
            reports = await self._place_intents(intents, linger, overtaken=tries > 0)
            unsent = {report.ref for report in reports if report.state is OrderState.NOT_SENT}
            self._intents = tuple(intent for intent in self._intents if intent.ref not in unsent)
            self._note(report for report in reports if report.ref not in unsent)
            placed += tuple(intent for intent in intents if intent.ref not in unsent)
            remaining = tuple(order for order in remaining if order.ref in unsent)
            if not remaining:
                return placed
        raise ApplicationError(
            f"Account {self._account.account_id}: {len(remaining)} orders could not be sent, because the order ids "
            "reserved for them were overtaken again and again. Start the rebalance again.",
            type="OrderIdsOvertaken",
            non_retryable=True,
        )

    async def _place_intents(
        self, intents: tuple[Intent, ...], linger: timedelta, *, overtaken: bool
    ) -> tuple[OrderReport, ...]:
        # A reset workflow schedules anew what it may have done before.
        info = workflow.info()
        first_time = info.run_id == info.original_execution_run_id

        async def place() -> tuple[OrderReport, ...]:
            nonlocal first_time
            to_place = PlaceRequest(intents=intents, first_time=first_time)
            first_time = False
            placed = {
                report.ref: report for report in await calls.place_leg(self._settings, to_place, overtaken=overtaken)
            }
            working = tuple(intent for intent in intents if placed[intent.ref].state is OrderState.WORKING)
            if working:
                request = HearRequest(intents=working, timeout=linger.total_seconds(), reading=self.reading)
                heard = await calls.acknowledge_leg(self._settings, request)
                placed |= {report.ref: report for report in heard.reports}
                self._snapshot, self._snapshot_at = heard.snapshot, workflow.now()
            return tuple(placed.values())

        return await self._patience.at_gateway(place)

    async def _await_fills(self, intents: tuple[Intent, ...], timeout: timedelta) -> None:
        awaited = self._still_working(intents)
        if awaited:
            request = IntentsRequest(intents=awaited, timeout=timeout.total_seconds())
            self._note(
                await self._patience.at_gateway(lambda: calls.await_fills(self._settings, request), allowance=None)
            )

    def _doubt(self, intents: tuple[Intent, ...]) -> None:
        """An order whose cancel is not confirmed may still fill: no further leg may be built on it."""
        seconds = self._settings.concurrency.cancel_timeout
        for intent in self._still_working(intents):
            report = self.reports[intent.ref]
            if report.filled >= report.quantity:  # only the report of its commission is missing
                self.reports[intent.ref] = report.model_copy(update={"state": OrderState.FILLED})
                continue
            reason = (
                f"the broker did not confirm within {seconds:g} s that order {intent.order_id} ({intent.side} "
                f"{intent.quantity} {intent.symbol}) is cancelled. Look in TWS what became of it."
            )
            self.reports[intent.ref] = report.model_copy(update={"state": OrderState.UNKNOWN, "reason": reason})

    async def _resolve_unknown(self) -> None:
        """Wait for the operator where the fate of an order cannot be known (promise P3)."""
        if not self._unknown_refs():
            return
        reasons = "; ".join(self.reports[ref].reason for ref in sorted(self._unknown_refs()))
        self._progress.enter(Phase.NEEDS_OPERATOR, reasons)
        await self._patience.until(lambda: not self._unknown_refs(), "an operator")

    def resolve(self, ref: str, filled: int | None) -> None:
        """The operator says what became of an unknown order: so many shares filled, or (``None``) never placed."""
        report = self.reports.get(ref)
        if report is None or report.state is not OrderState.UNKNOWN:
            raise ApplicationError(f"No order {ref} of unknown fate here.", type="NothingToResolve", non_retryable=True)
        if (filled or 0) > report.quantity:
            raise ApplicationError(
                f"Order {ref} is for {report.quantity} shares; {filled} cannot have filled. If it was ordered twice, "
                "cancel this rebalance: the next one starts from what the account holds.",
                type="ResolutionInvalid",
                non_retryable=True,
            )
        state = OrderState.FILLED if filled == report.quantity else OrderState.CANCELLED
        self.reports[ref] = report.model_copy(
            update={"state": state, "filled": filled or 0, "reason": "resolved by the operator"}
        )

    def _note(self, reports: Iterable[OrderReport]) -> None:
        for report in reports:
            self.reports[report.ref] = report

    def _still_working(self, intents: tuple[Intent, ...]) -> tuple[Intent, ...]:
        return tuple(intent for intent in intents if not self._is_final(intent.ref))

    def _is_final(self, ref: str) -> bool:
        report = self.reports.get(ref)
        return report is not None and (report.state.is_final or report.state is OrderState.UNKNOWN)

    def _unknown_refs(self) -> set[str]:
        return {ref for ref, report in self.reports.items() if report.state is OrderState.UNKNOWN}
