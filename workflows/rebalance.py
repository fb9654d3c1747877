"""The story of one rebalance, step by step (see DESIGN: "One rebalance")."""

import asyncio
from collections.abc import Callable, Iterable
from datetime import timedelta
from decimal import Decimal
from typing import Final

from temporalio import workflow
from temporalio.common import Priority
from temporalio.exceptions import ApplicationError

from rebalancing.accounts import ForeignOrders
from rebalancing.orders import Intent, LegOrder, OrderReport, OrderState, order_ref
from rebalancing.outcomes import Outcome, Phase
from rebalancing.plan import CASH_SYMBOL, Plan, PlannedOrder, PlanRequest
from rebalancing.requests import CancelOpenRequest, IntentsRequest, Opening, SnapshotRequest, TurnRequest
from rebalancing.snapshot import AccountSnapshot
from rebalancing.targets import Targets
from rebalancing.triggers import ExecutionMode, Trigger
from rebalancing.verification import cash_after, full_targets, gaps, measure, positions_after, trusted_cash
from workflows import calls
from workflows.operation_clock import OperationClock
from workflows.patience import Patience
from workflows.progress import Progress

SETTLED_READS: Final = 5
"""How often the holdings are read again when the broker's figures still lag behind the fills."""

LAG_PAUSE: Final = timedelta(seconds=1)

NEW_ID_ROUNDS: Final = 5
"""How often a leg may need new order ids because other accounts' orders went out in between."""

SELL_LEG, BUY_LEG = 1, 2


class Rebalance:
    """One rebalance of one account. ``run`` is the story; the rest are its steps."""

    def __init__(self, opening: Opening, triggers: tuple[Trigger, ...], progress: Progress) -> None:
        self.account = opening.account
        self.settings = opening.settings
        self.mode: ExecutionMode = triggers[0].mode
        self.event_ids = tuple(trigger.event_id for trigger in triggers)
        self._patience = Patience(self.account.account_id, self.settings.max_wait, progress)
        self.intents: tuple[Intent, ...] = ()
        self.reports: dict[str, OrderReport] = {}
        self.has_turn = self.settings.concurrency.max_concurrent_rebalances is None
        self._progress = progress
        self._started_at = workflow.now()
        self._notes: list[str] = []
        self._newer_event: Callable[[], bool] = lambda: False

    async def run(self, newer_event: Callable[[], bool]) -> Outcome:
        """Move the account to its published targets, or say what that would take."""
        self._newer_event = newer_event
        turn = await self._take_turn()
        try:
            return await self._rebalance()
        finally:
            # A worker that throws a workflow out of its memory closes its coroutines outside of it: nothing ended then.
            if turn is not None and workflow.in_workflow():
                turn.cancel()

    async def _rebalance(self) -> Outcome:
        targets, opening, plan = await self._read_and_plan()
        while closed := self._closed_symbols(opening, plan):
            await self._wait_for_market(opening, closed)
            targets, opening, plan = await self._read_and_plan()
        if self.mode is ExecutionMode.DRY_RUN:
            return self._dry_run_outcome(targets, opening, plan)
        self._refuse_foreign_orders(opening)
        if any(order.is_ours for order in opening.open_orders):
            await self._cancel_open_orders()
            targets, opening, plan = await self._read_and_plan()  # what they filled until then changes the plan
        sells = await self._trade_leg(Phase.SELLING, SELL_LEG, plan.sells, opening)
        buys = await self._trade_leg(Phase.BUYING, BUY_LEG, await self._buys(targets, opening, plan, sells), opening)
        return await self._verify(targets, opening, plan, sells + buys)

    @property
    def clock(self) -> OperationClock:
        """How long it has worked."""
        return self._patience.clock

    def stop(self) -> None:
        """Let no further step follow."""
        self._patience.stop()

    @property
    def working(self) -> tuple[Intent, ...]:
        """The intents whose orders may still trade."""
        return tuple(intent for intent in self.intents if not self._is_final(intent.ref))

    async def cancel_working(self) -> None:
        """Cancel what still works and learn what had filled (promise P8)."""
        if not self.working:
            return
        self._progress.enter(Phase.CLEANING_UP)
        request = IntentsRequest(intents=self.working, timeout=float(self.settings.concurrency.cancel_timeout))
        self._note(await self._patience.at_gateway(lambda: calls.cancel_orders(self.settings, request)))

    async def _take_turn(self) -> workflow.ActivityHandle[None] | None:
        """Where only so many rebalances may run at once, wait for a turn; it is given back by cancelling the handle."""
        if self.has_turn:
            return None
        info = workflow.info()
        self._progress.enter(Phase.WAITING_FOR_TURN)
        turn = calls.hold_turn(self.settings, TurnRequest(workflow_id=info.workflow_id, run_id=info.run_id))
        await self._patience.until(lambda: self.has_turn, "its turn")
        return turn

    # --- reading and planning -------------------------------------------------------------------------------------

    async def _read_and_plan(self) -> tuple[Targets, AccountSnapshot, Plan]:
        self._progress.enter(Phase.READING)
        targets = await self._patience.step(calls.read_targets(self.settings, self.account))
        snapshot = await self._read(targets)
        self._progress.enter(Phase.PLANNING)
        return targets, snapshot, await self._patience.step(calls.make_plan(self._plan_request(targets, snapshot)))

    async def _read(self, targets: Targets, priority: Priority = calls.BEGINNING) -> AccountSnapshot:
        symbols = tuple(symbol for symbol in targets.tradable if symbol not in self.account.held_out)
        request = SnapshotRequest(account=self.account, symbols=symbols)
        return await self._patience.at_gateway(lambda: calls.read_snapshot(self.settings, request, priority))

    def _plan_request(
        self,
        targets: Targets,
        snapshot: AccountSnapshot,
        *,
        cash: object = None,
        positions: dict[str, int] | None = None,
    ) -> PlanRequest:
        return PlanRequest.model_validate(
            {
                "cash": snapshot.cash if cash is None else cash,
                "positions": snapshot.positions if positions is None else positions,
                "prices": snapshot.prices,
                "buy_prices": snapshot.buy_prices,
                "targets": targets.weights,
                "reserve_percent": self.account.cash_reserve_percent,
                "held_out": self.account.held_out,
                "tolerance_percent": self.account.tolerance_percent,
                "minimum_order_value": self.account.minimum_order_value,
            }
        )

    # --- trading hours --------------------------------------------------------------------------------------------

    def _closed_symbols(self, snapshot: AccountSnapshot, plan: Plan) -> tuple[str, ...]:
        now = workflow.now()
        symbols = (order.symbol for order in plan.orders)
        closed = tuple(symbol for symbol in symbols if not snapshot.contracts[symbol].is_open(now))
        if closed and self.mode is ExecutionMode.DRY_RUN:
            self._notes.append("the market is closed: the prices are those of the close")
            return ()
        return closed

    async def _wait_for_market(self, snapshot: AccountSnapshot, closed: tuple[str, ...]) -> None:
        now = workflow.now()
        openings = [snapshot.contracts[symbol].next_open(now) for symbol in closed]
        known = [opening for opening in openings if opening is not None]
        if len(known) < len(closed):
            raise ApplicationError(
                f"Account {self.account.account_id}: the broker names no coming session for {', '.join(closed)}. "
                "Nothing was traded; look whether the symbol was delisted or halted.",
                type="MarketClosed",
                non_retryable=True,
            )
        opens_at = max(known)
        self._progress.enter(Phase.WAITING_FOR_MARKET, f"{', '.join(closed)} until {opens_at.isoformat()}")
        await self._patience.for_at_most(opens_at - now, self._newer_event, "the market to open")

    # --- trading --------------------------------------------------------------------------------------------------

    def _refuse_foreign_orders(self, opening: AccountSnapshot) -> None:
        """Working orders that nobody here can cancel would trade beside ours."""
        foreign = [
            f"{order.side} {order.remaining} {order.symbol} (client {order.client_id})"
            for order in opening.open_orders
            if not order.is_ours
        ]
        if foreign and self.account.foreign_orders is ForeignOrders.STOP:
            raise ApplicationError(
                f"Account {self.account.account_id}: working orders that were not placed here: {', '.join(foreign)}. "
                "Cancel them where they were placed, or set foreign_orders: ignore; nothing was traded.",
                type="ForeignOrders",
                non_retryable=True,
            )

    async def _cancel_open_orders(self) -> None:
        self._progress.enter(Phase.CANCELLING_ORDERS)
        timeout = float(self.settings.concurrency.cancel_timeout)
        request = CancelOpenRequest(account=self.account.account_id, timeout=timeout)
        left = await self._patience.at_gateway(lambda: calls.cancel_open_orders(self.settings, request))
        if left:
            raise ApplicationError(
                f"Account {self.account.account_id}: these open orders could not be cancelled within {timeout:g} s: "
                f"{', '.join(left)}. Cancel them in TWS; nothing was traded.",
                type="CancelUnconfirmed",
                non_retryable=True,
            )

    async def _buys(
        self, targets: Targets, opening: AccountSnapshot, plan: Plan, sells: tuple[OrderReport, ...]
    ) -> tuple[PlannedOrder, ...]:
        if not plan.buys or not sells:
            return plan.buys
        fresh = await self._read(targets, calls.FINISHING)
        request = self._plan_request(
            targets,
            fresh,
            cash=trusted_cash(opening.cash, fresh.cash, sells),
            positions=positions_after(opening.positions, sells),
        )
        return await self._patience.step(calls.size_buys(request))

    async def _trade_leg(
        self, phase: Phase, leg: int, planned: tuple[PlannedOrder, ...], opening: AccountSnapshot
    ) -> tuple[OrderReport, ...]:
        if not planned:
            return ()
        self._progress.enter(phase)
        orders = tuple(self._leg_order(leg, number, order, opening) for number, order in enumerate(planned, start=1))
        intents = await self._place(orders)
        timeout = float(self.settings.fill_timeout)
        await self._await_fills(intents, timeout)
        if self.working:
            self._notes.append(f"not everything filled within {timeout:g} s of {phase.value}; the rest was cancelled")
            await self.cancel_working()
            self._patience.check()
            self._doubt_working()
        await self._resolve_unknown()
        return tuple(self.reports[order.ref] for order in orders)

    def _leg_order(self, leg: int, number: int, order: PlannedOrder, opening: AccountSnapshot) -> LegOrder:
        return LegOrder(
            ref=order_ref(workflow.info().original_execution_run_id, leg, number),
            account=self.account.account_id,
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
            intents = await self._patience.at_gateway(lambda leg=leg: calls.prepare_leg(self.settings, leg))
            self.intents += intents
            reports = await self._patience.at_gateway(lambda intents=intents: calls.place_leg(self.settings, intents))
            unsent = {report.ref for report in reports if report.state is OrderState.NOT_SENT}
            self.intents = tuple(intent for intent in self.intents if intent.ref not in unsent)
            self._note(report for report in reports if report.ref not in unsent)
            placed += tuple(intent for intent in intents if intent.ref not in unsent)
            remaining = tuple(order for order in remaining if order.ref in unsent)
            if not remaining:
                return placed
        raise ApplicationError(
            f"Account {self.account.account_id}: {len(remaining)} orders could not be sent, because the order ids "
            "reserved for them were overtaken again and again. Start the rebalance again.",
            type="OrderIdsOvertaken",
            non_retryable=True,
        )

    async def _await_fills(self, intents: tuple[Intent, ...], timeout: float) -> None:
        unknown = self._unknown_refs()
        awaited = tuple(intent for intent in intents if intent.ref not in unknown)
        if awaited:
            request = IntentsRequest(intents=awaited, timeout=timeout)
            self._note(
                await self._patience.at_gateway(lambda: calls.await_fills(self.settings, request), allowance=None)
            )

    def _doubt_working(self) -> None:
        """An order whose cancel is not confirmed may still fill: no further leg may be built on it."""
        seconds = self.settings.concurrency.cancel_timeout
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

    # --- verifying ------------------------------------------------------------------------------------------------

    async def _verify(
        self, targets: Targets, opening: AccountSnapshot, plan: Plan, reports: tuple[OrderReport, ...]
    ) -> Outcome:
        self._progress.enter(Phase.VERIFYING)
        final = await self._read_until_settled(targets, positions_after(opening.positions, reports))
        request = self._plan_request(targets, final, cash=cash_after(opening.cash, reports), positions=final.positions)
        standing = measure(request)
        return self._outcome(targets, opening, plan, reports).model_copy(
            update={
                "weights_after": standing.weights,
                "tracking_error": standing.tracking_error,
                "gaps": gaps(request, standing, reports),
            }
        )

    async def _read_until_settled(self, targets: Targets, expected: dict[str, int]) -> AccountSnapshot:
        final = await self._read(targets, calls.FINISHING)
        for _ in range(SETTLED_READS):
            if final.positions == expected:
                return final
            await asyncio.sleep(LAG_PAUSE.total_seconds())
            final = await self._read(targets, calls.FINISHING)
        self._notes.append(f"the broker reports other holdings than the fills explain: {final.positions}")
        return final

    def _dry_run_outcome(self, targets: Targets, opening: AccountSnapshot, plan: Plan) -> Outcome:
        self._notes += [f"would {order.side} {order.quantity} {order.symbol}: {order.reason}" for order in plan.orders]
        return self._outcome(targets, opening, plan, ()).model_copy(
            update={
                "weights_after": {**plan.after.weights, CASH_SYMBOL: self._cash_weight(plan)},
                "tracking_error": plan.after.tracking_error,
            }
        )

    def _cash_weight(self, plan: Plan) -> Decimal:
        return (plan.after.cash - plan.reserve) / plan.base if plan.base else Decimal(0)

    def _outcome(
        self, targets: Targets, opening: AccountSnapshot, plan: Plan, reports: tuple[OrderReport, ...]
    ) -> Outcome:
        request = self._plan_request(targets, opening)
        return Outcome(
            account=self.account.account_id,
            strategy=self.account.strategy_name,
            mode=self.mode,
            event_ids=self.event_ids,
            phase=Phase.COMPLETED,
            weights_before=measure(request).weights,
            target_weights=full_targets(request),
            orders=reports,
            commissions=sum((report.commission for report in reports), start=opening.cash * 0),
            unmanaged=opening.unmanaged,
            notes=(*plan.notes, *self._notes),
            started_at=self._started_at,
            finished_at=workflow.now(),
        )

    # --- steps ----------------------------------------------------------------------------------------------------

    def _note(self, reports: Iterable[OrderReport]) -> None:
        for report in reports:
            self.reports[report.ref] = report

    def _is_final(self, ref: str) -> bool:
        report = self.reports.get(ref)
        return report is not None and (report.state.is_final or report.state is OrderState.UNKNOWN)

    def _unknown_refs(self) -> set[str]:
        return {ref for ref, report in self.reports.items() if report.state is OrderState.UNKNOWN}
