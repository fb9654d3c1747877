"""The orders of one rebalance: intents placed leg by leg, watched, cancelled, and what became of each (P3, P8)."""

from collections.abc import Iterable
from typing import Final

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from rebalancing.orders import Intent, LegOrder, OrderReport, OrderState, order_ref
from rebalancing.outcomes import Phase
from rebalancing.plan import PlannedOrder
from rebalancing.requests import IntentsRequest, PlaceRequest
from rebalancing.settings import Settings
from rebalancing.snapshot import AccountSnapshot
from workflows import calls
from workflows.patience import Patience
from workflows.progress import Progress

NEW_ID_ROUNDS: Final = 5
"""How often a leg may need new order ids because other accounts' orders went out in between."""


class Legs:
    """Places legs, and knows of every intent what became of it. ``reports`` holds them by order ref."""

    def __init__(self, account: str, settings: Settings, patience: Patience, progress: Progress) -> None:
        self.reports: dict[str, OrderReport] = {}
        self.notes: list[str] = []
        self._account = account
        self._settings = settings
        self._patience = patience
        self._progress = progress
        self._intents: tuple[Intent, ...] = ()

    @property
    def working(self) -> tuple[Intent, ...]:
        """The intents whose orders may still trade."""
        return tuple(intent for intent in self._intents if not self._is_final(intent.ref))

    async def cancel_working(self) -> None:
        """Cancel what still works and learn what had filled (promise P8)."""
        if not self.working:
            return
        self._progress.enter(Phase.CLEANING_UP)
        request = IntentsRequest(intents=self.working, timeout=float(self._settings.concurrency.cancel_timeout))
        self._note(await self._patience.at_gateway(lambda: calls.cancel_orders(self._settings, request)))

    async def trade(
        self, phase: Phase, leg: int, planned: tuple[PlannedOrder, ...], opening: AccountSnapshot
    ) -> tuple[OrderReport, ...]:
        """Carry out one leg; returns once none of its orders works any more, and none is of unknown fate."""
        if not planned:
            return ()
        self._progress.enter(phase)
        orders = tuple(self._leg_order(leg, number, order, opening) for number, order in enumerate(planned, start=1))
        intents = await self._place(orders)
        timeout = float(self._settings.fill_timeout)
        await self._await_fills(intents, timeout)
        if self.working:
            self.notes.append(f"not everything filled within {timeout:g} s of {phase.value}; the rest was cancelled")
            await self.cancel_working()
            self._patience.check()
            self._doubt_working()
        await self._resolve_unknown()
        return tuple(self.reports[order.ref] for order in orders)

    def _leg_order(self, leg: int, number: int, order: PlannedOrder, opening: AccountSnapshot) -> LegOrder:
        return LegOrder(
            ref=order_ref(workflow.info().original_execution_run_id, leg, number),
            account=self._account,
            symbol=order.symbol,
            con_id=opening.contracts[order.symbol].con_id,
            side=order.side,
            quantity=order.quantity,
        )

    async def _place(self, orders: tuple[LegOrder, ...]) -> tuple[Intent, ...]:
        """Reserve ids, then place; an intent whose id was overtaken before it was sent gets a new one."""
        placed: tuple[Intent, ...] = ()
        remaining = orders
        for _ in range(NEW_ID_ROUNDS):
            leg = remaining
            intents = await self._patience.at_gateway(lambda leg=leg: calls.prepare_leg(self._settings, leg))
            self._intents += intents
            reports = await self._place_intents(intents)
            unsent = {report.ref for report in reports if report.state is OrderState.NOT_SENT}
            self._intents = tuple(intent for intent in self._intents if intent.ref not in unsent)
            self._note(report for report in reports if report.ref not in unsent)
            placed += tuple(intent for intent in intents if intent.ref not in unsent)
            remaining = tuple(order for order in remaining if order.ref in unsent)
            if not remaining:
                return placed
        raise ApplicationError(
            f"Account {self._account}: {len(remaining)} orders could not be sent, because the order ids "
            "reserved for them were overtaken again and again. Start the rebalance again.",
            type="OrderIdsOvertaken",
            non_retryable=True,
        )

    async def _place_intents(self, intents: tuple[Intent, ...]) -> tuple[OrderReport, ...]:
        # A reset workflow schedules anew what it may have done before.
        info = workflow.info()
        first_time = info.run_id == info.original_execution_run_id

        async def place() -> tuple[OrderReport, ...]:
            nonlocal first_time
            request = PlaceRequest(intents=intents, first_time=first_time)
            first_time = False
            placed = {report.ref: report for report in await calls.place_leg(self._settings, request)}
            working = tuple(intent for intent in intents if placed[intent.ref].state is OrderState.WORKING)
            if working:
                placed |= {report.ref: report for report in await calls.acknowledge_leg(self._settings, working)}
            return tuple(placed.values())

        return await self._patience.at_gateway(place)

    async def _await_fills(self, intents: tuple[Intent, ...], timeout: float) -> None:
        unknown = self._unknown_refs()
        awaited = tuple(intent for intent in intents if intent.ref not in unknown)
        if awaited:
            request = IntentsRequest(intents=awaited, timeout=timeout)
            self._note(
                await self._patience.at_gateway(lambda: calls.await_fills(self._settings, request), allowance=None)
            )

    def _doubt_working(self) -> None:
        """An order whose cancel is not confirmed may still fill: no further leg may be built on it."""
        seconds = self._settings.concurrency.cancel_timeout
        for intent in self.working:
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
                f"Order {ref} is for {report.quantity} shares; {filled} cannot have filled.",
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

    def _is_final(self, ref: str) -> bool:
        report = self.reports.get(ref)
        return report is not None and (report.state.is_final or report.state is OrderState.UNKNOWN)

    def _unknown_refs(self) -> set[str]:
        return {ref for ref, report in self.reports.items() if report.state is OrderState.UNKNOWN}
