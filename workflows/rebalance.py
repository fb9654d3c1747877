"""The story of one rebalance, step by step (see DESIGN: "One rebalance")."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Final

from temporalio import workflow

from contract.requests import Opening, SnapshotRequest
from contract.summaries import summary
from rebalancing import failures
from rebalancing.accounts import OnForeignOrders
from rebalancing.market.gateway_restart import restart_over_at
from rebalancing.market.snapshot import AccountSnapshot, ContractDetails
from rebalancing.orders.order import OrderReport
from rebalancing.orders.order_terms import buy_prices, commission_per_order
from rebalancing.orders.slippage import total_slippage
from rebalancing.outcomes import Outcome, Phase
from rebalancing.planner.plan import CASH_SYMBOL, Plan, PlannedOrder, PlanRequest
from rebalancing.targets import Targets
from rebalancing.triggers import ExecutionMode, Trigger
from rebalancing.verification import cash_after, full_targets, gaps, measure, positions_after
from workflows import local_calls
from workflows.approval import PreTradeChecks, Reading
from workflows.figures import FiguresWatch
from workflows.gateway import Gateway
from workflows.halts import HaltWait
from workflows.legs import Legs, Traded
from workflows.lost_history import HistoryWatch, Overtaken
from workflows.margin import MarginCheck
from workflows.market_hours import MarketHours
from workflows.order_rules import OrderRules
from workflows.placing import MOST_ORDERS_A_VISIT
from workflows.quotes import QuoteWatch
from workflows.run_state import RunState
from workflows.turn import Turn
from workflows.waits import Waits

SETTLED_READS: Final = 5
"""How often the holdings are read again when the broker's figures still lag behind the fills."""

FIGURES_PAUSE: Final = timedelta(seconds=5)
"""Between two looks at whether the broker's cash figure contains the latest fills."""

LAG_PAUSE: Final = timedelta(seconds=1)
SELL_LEG, BUY_LEG = 1, 2

NOTHING: Final = Decimal(0)


class Rebalance:
    """One rebalance of one account. ``run`` is the story; the rest are its steps."""

    def __init__(self, opening: Opening, triggers: tuple[Trigger, ...], state: RunState) -> None:
        account, settings = opening.account, opening.settings
        waits = Waits(account.account_id, settings.max_wait, state)
        gateway = Gateway(account, settings, state, waits)
        self.account = account
        self.settings = settings
        self.mode: ExecutionMode = triggers[0].mode
        self.legs = Legs(account, settings, gateway, state, waits)
        self.turn = Turn(settings, state, waits)
        self.halts = HaltWait(account.account_id, state, waits, self.turn)
        self._history = HistoryWatch(account.account_id, gateway, state, self.halts)
        self.pre_trade_checks = PreTradeChecks(opening, self.turn, state, waits)
        self._state = state
        self._waits = waits
        self._gateway = gateway
        self._event_ids = tuple(trigger.event_id for trigger in triggers)
        self._rules = OrderRules(account, settings)
        self._hours = MarketHours(account, state, waits)
        self._quotes = QuoteWatch(account, settings.quotes, state, waits)
        self._figures = FiguresWatch(account.account_id, settings, state, waits)
        self._margin = MarginCheck(account, gateway, state)
        self._held_by = opening.held_by
        self._started_at = workflow.now()
        self._newer_event: Callable[[], bool] = lambda: False

    async def run(self, newer_event: Callable[[], bool]) -> Outcome:
        """Move the account to its published targets, or say what that would take."""
        self._newer_event = newer_event
        try:
            await self.turn.take()
            return await self._rebalance()
        finally:
            self.turn.give_back()

    async def _rebalance(self) -> Outcome:
        if self._held_by and self.mode is ExecutionMode.REBALANCE:
            await self.halts.until_over(self._newer_event, self._held_by)
        reading = await self._read_when_open()
        if self.mode is ExecutionMode.DRY_RUN:
            self._state.notes += [*self._rules.would_say(reading), *await self.pre_trade_checks.would_say(reading)]
            return self._dry_run_outcome(reading)
        while True:
            reading = await self._checked(reading)
            # Targets may have changed since it was first read; what has a price only now is reported with that.
            self._state.opening = (self._state.opening or reading.opening).with_prices_of(reading.opening)
            traded = await self._trade(reading)
            if not (await self.halts.held_back(traded, self._newer_event) or traded.is_unfinished):
                return await self._verify(reading, traded)
            reading = await self._read_when_open()  # what was not sent was sized by figures that are old (promise P11)

    async def _checked(self, reading: Reading) -> Reading:
        """The plan to carry out, once nothing speaks against it: guards, approval, working orders, rules, margin."""
        reading = await self.pre_trade_checks.clear(reading, self._read_when_open, self._newer_event)
        if working := tuple(order for order in reading.opening.open_orders if order.is_ours):
            await self._cancel_open_orders()
            self._state.cancelled_orders += working
            reading = await self._read_when_open()  # what they filled until then changes the plan
            reading = await self.pre_trade_checks.clear(reading, self._read_when_open, self._newer_event)
        self._rules.refuse(reading)
        if await self._margin.check(reading):
            return reading
        await self.halts.until_over(self._newer_event)
        return await self._checked(await self._read_when_open())

    async def _trade(self, reading: Reading) -> Traded:
        """Both legs of one plan; nothing follows what was withdrawn."""
        targets, opening, plan = reading
        request = self._request(targets)
        sells = await self.legs.trade(Phase.SELLING, SELL_LEG, plan.sells, opening, request)
        if sells.withdrawn or not plan.buys:
            return sells
        try:
            planned, prices = await self._buys(reading, sells)
        except Overtaken:
            return sells._replace(is_overtaken=True)
        buys = await self.legs.trade(Phase.BUYING, BUY_LEG, planned, prices, request)
        return Traded(sells.reports + buys.reports, buys.withdrawn, buys.after)

    # --- reading and planning -------------------------------------------------------------------------------------

    async def _read_when_open(self) -> Reading:
        """The plan for this moment, made from figures that can be believed; only what trades now is held against them.

        While a market is closed, the broker goes by other prices than those of the close.
        """
        trading = self.mode is ExecutionMode.REBALANCE
        reading = await self._figures.believable(self._read_once_open, lambda reading: reading.opening, trading=trading)
        if trading:
            self._refuse_foreign_orders(reading.opening)
            self._rules.refuse(reading)
        return reading

    async def _read_once_open(self) -> Reading:
        reading = await self._read_and_plan()
        while self._must_wait(reading.opening, reading.plan):
            traded = [reading.opening.contracts[order.symbol] for order in reading.plan.orders]
            async with self.turn.given_back():
                await self._hours.wait(traded, self._newer_event)
            reading = await self._read_and_plan()
        return reading

    async def _read_and_plan(self) -> Reading:
        await self._wait_out_restart()
        self._state.enter(Phase.READING)
        targets = await self._state.step(local_calls.read_targets(self.settings, self.account))
        snapshot = await self._settled(partial(self._read_usable, targets))
        if await self._history.held(snapshot, self._newer_event, trading=self.mode is ExecutionMode.REBALANCE):
            return await self._read_and_plan()
        self._state.enter(Phase.PLANNING)
        request = self._plan_request(targets, snapshot)
        if self._state.opening is None:
            self._state.drift_before = measure(request).drift
        self._state.plan = plan = await self._state.step(local_calls.make_plan(request))
        return Reading(targets, snapshot, plan)

    async def _wait_out_restart(self) -> None:
        """No leg is planned, or started, when the gateway is about to restart."""
        restart = self.settings.gateway_restart
        over_at = restart_over_at(restart, workflow.now()) if restart else None
        if over_at is not None and self.mode is ExecutionMode.REBALANCE:
            self._state.enter(Phase.WAITING_FOR_GATEWAY, f"its daily restart is over at {over_at.isoformat()}")
            await self._waits.for_at_most(
                over_at - workflow.now(), lambda: False, "the gateway's daily restart to be over"
            )

    async def _settled(self, read: Callable[[], Awaitable[AccountSnapshot]]) -> AccountSnapshot:
        """A plan needs cash that can be told; after a reconnect that takes as long as the broker's figures lag."""
        snapshot = self._with_own_fills(await read())
        while not snapshot.cash_is_settled:
            if self.mode is ExecutionMode.DRY_RUN:
                self._state.notes.append("the broker's cash figure may not contain the latest fills yet")
                return snapshot
            self._state.enter(Phase.READING, "until the broker's cash figure contains the latest fills")
            await self._waits.for_at_most(FIGURES_PAUSE, lambda: False, "the broker's cash figure to follow the fills")
            snapshot = self._with_own_fills(await read())
        return snapshot

    def _with_own_fills(self, snapshot: AccountSnapshot) -> AccountSnapshot:
        """The same with cash that can be told, where the fills it may lack are all those of this very run."""
        reports = self._state.orders.reports
        if snapshot.cash_is_settled or self._state.opening is None or not reports.keys() >= {*snapshot.unsettled_refs}:
            return snapshot
        cash = cash_after(self._state.opening.cash, reports.values())
        return snapshot.model_copy(update={"cash": cash, "cash_is_settled": True})

    async def _read_usable(self, targets: Targets) -> AccountSnapshot:
        """Read with quotes that one can trade by."""
        request, trading = self._history.asking(self._request(targets)), self.mode is ExecutionMode.REBALANCE
        return await self._quotes.usable(partial(self._gateway.read, request, fresh=True), trading=trading)

    def _request(self, targets: Targets) -> SnapshotRequest:
        symbols = tuple(symbol for symbol in targets.tradable if symbol not in self.account.held_out)
        order_ids = MOST_ORDERS_A_VISIT if self.mode is ExecutionMode.REBALANCE else 0
        return SnapshotRequest.of(self.account, symbols, order_ids)

    def _plan_request(
        self,
        targets: Targets,
        snapshot: AccountSnapshot,
        *,
        cash: object = None,
        traded_value: Decimal = NOTHING,
    ) -> PlanRequest:
        return PlanRequest.model_validate(
            {
                "cash": snapshot.cash if cash is None else cash,
                "positions": snapshot.positions,
                "prices": snapshot.prices,
                "buy_prices": buy_prices(self.account, snapshot),
                "quote_kinds": snapshot.quote_kinds,
                "targets": targets.weights,
                "fractions": snapshot.fractions,
                "replaced": targets.replaced,
                "reserve_percent": self.account.cash_reserve_percent,
                "traded_value": traded_value,
                "commission_per_order": commission_per_order(self.account),
                **self.account.rules_without_selling(snapshot.bought_unsettled),
            }
        )

    # --- trading hours --------------------------------------------------------------------------------------------

    def _must_wait(self, snapshot: AccountSnapshot, plan: Plan) -> bool:
        closed = self._hours.closed(snapshot.contracts[order.symbol] for order in plan.orders)
        if closed and self.mode is ExecutionMode.DRY_RUN:
            self._state.notes.append(f"the market is closed for {', '.join(closed)}: those prices are of the close")
            return False
        return bool(closed)

    # --- trading --------------------------------------------------------------------------------------------------

    def _refuse_foreign_orders(self, opening: AccountSnapshot) -> None:
        """Working orders that nobody here can cancel would trade beside ours."""
        foreign = [
            f"{order.side} {order.remaining} {order.symbol} (client {order.client_id})"
            for order in opening.open_orders
            if not order.is_ours
        ]
        if foreign and self.account.foreign_orders is OnForeignOrders.STOP:
            raise failures.ForeignOrders(
                self.account.account_id,
                f"working orders that were not placed here: {', '.join(foreign)}. "
                "Cancel them where they were placed, or set foreign_orders: ignore.",
            )

    async def _cancel_open_orders(self) -> None:
        self._state.enter(Phase.CANCELLING_OPEN_ORDERS)
        left = await self._gateway.cancel_open()
        if left:
            timeout = float(self.settings.concurrency.cancel_timeout)
            raise failures.CancelUnconfirmed(
                self.account.account_id,
                f"these open orders could not be cancelled within {timeout:g} s: "
                f"{', '.join(left)}. Cancel them in TWS.",
            )

    async def _buys(self, reading: Reading, sells: Traded) -> tuple[tuple[PlannedOrder, ...], AccountSnapshot]:
        """The buy leg, and the snapshot whose prices it was sized with."""
        targets, opening, plan = reading
        if not (sells.reports or self._state.approved):
            return plan.buys, opening
        await self._until_buys_trade([opening.contracts[order.symbol] for order in plan.buys])
        await self._wait_out_restart()
        fresh = await self._read_between(targets, opening, sells)
        request = self._plan_request(
            targets,
            fresh,
            traded_value=sum((report.filled * report.average_price for report in sells.reports), NOTHING),
        )
        sized = await self._state.step(local_calls.size_buys(request))
        return self.pre_trade_checks.bounded(plan, sized), fresh

    async def _read_between(self, targets: Targets, opening: AccountSnapshot, sells: Traded) -> AccountSnapshot:
        """Read what the buys are sized by."""
        positions = positions_after(opening.positions, sells.reports)

        async def read() -> AccountSnapshot:
            snapshot = await self._read_after(sells, targets)
            if snapshot.connection != opening.connection:
                await self._history.require_whole(sells, positions, self._request(targets), self._newer_event)
            return snapshot.as_fills_left_it(positions)

        return await self._figures.believable(
            lambda: self._settled(lambda: self._quotes.usable(read, trading=True)),
            lambda snapshot: snapshot,
            trading=True,
        )

    async def _read_after(self, traded: Traded, targets: Targets) -> AccountSnapshot:
        """The account as the end of the leg told it, if that is this very moment; else it is read."""
        if traded.after is not None and traded.after.is_of_this_moment:
            return traded.after.snapshot
        return await self._gateway.read(self._request(targets), fresh=False)

    async def _until_buys_trade(self, contracts: list[ContractDetails]) -> None:
        """Sells on the close bring their cash when the market is closed: the buys follow in the next session."""
        while self._hours.closed(contracts):
            async with self.turn.given_back():
                await self._hours.wait(contracts, lambda: False)
            self._state.notes.append(
                "the sells ended when the market was closed; the buys followed in the next session"
            )

    # --- verifying ------------------------------------------------------------------------------------------------

    async def _verify(self, reading: Reading, traded: Traded) -> Outcome:
        """What the last plan came to. It was made from what earlier ones left."""
        targets, opening, plan = reading
        reports = traded.reports
        self._state.enter(Phase.VERIFYING)
        expected = positions_after(opening.positions, reports)
        final = await self._read_until_settled(targets, traded, expected)
        final = final.with_prices_of(opening)
        request = self._plan_request(targets, final, cash=cash_after(opening.cash, reports))
        standing = measure(request)
        found = gaps(request, standing, reports, plan, expected)
        return self._outcome(reading, tuple(self._state.orders.reports.values())).model_copy(
            update={
                "phase": Phase.COMPLETED if all(gap.is_explained for gap in found) else Phase.INCOMPLETE,
                "weights_after": standing.weights,
                "drift": standing.drift,
                "cash": standing.cash,
                "gaps": found,
            }
        )

    async def _read_until_settled(self, targets: Targets, traded: Traded, expected: dict[str, int]) -> AccountSnapshot:
        final = await self._read_after(traded, targets)
        for _ in range(SETTLED_READS):
            if final.positions == expected:
                return final
            await workflow.sleep(LAG_PAUSE, summary=summary("wait for the broker's holdings to follow the fills"))
            final = await self._gateway.read(self._request(targets), fresh=False)
        self._state.notes.append(f"the broker reports other holdings than the fills explain: {final.positions}")
        return final

    def _dry_run_outcome(self, reading: Reading) -> Outcome:
        plan = reading.plan
        self._state.notes += [
            f"would {order.side} {order.quantity} {order.symbol}: {order.reason}" for order in plan.orders
        ]
        self._state.cancelled_orders = tuple(order for order in reading.opening.open_orders if order.is_ours)
        return self._outcome(reading, ()).model_copy(
            update={
                "weights_after": {**plan.after.weights, CASH_SYMBOL: self._cash_weight(plan)},
                "drift": plan.after.drift,
                "cash": plan.cash_after,
            }
        )

    def _cash_weight(self, plan: Plan) -> Decimal:
        return (plan.after.cash - plan.reserve) / plan.base if plan.base else Decimal(0)

    def _outcome(self, reading: Reading, reports: tuple[OrderReport, ...]) -> Outcome:
        """The account before the first order, and what all orders of this run came to."""
        targets, _, plan = reading
        opening = self._state.opening or reading.opening
        arrival_prices = opening.prices
        request = self._plan_request(targets, opening)
        before = measure(request)
        return Outcome(
            account=self.account.account_id,
            strategy=self.account.strategy_name,
            mode=self.mode,
            event_ids=self._event_ids,
            phase=Phase.COMPLETED,
            weights_before=before.weights,
            drift_before=before.drift,
            target_weights=full_targets(request),
            orders=reports,
            commissions=sum((report.commission for report in reports), start=opening.cash * 0),
            plan=plan,
            arrival_prices={order.symbol: arrival_prices[order.symbol] for order in (*plan.orders, *reports)},
            slippage=total_slippage(reports, arrival_prices),
            unmanaged=opening.unmanaged,
            cancelled_orders=self._state.cancelled_orders,
            notes=(
                *plan.notes,
                *opening.funding_notes,
                *(note for notes in self._state.reading_notes.values() for note in notes),
                *self._state.notes,
            ),
            started_at=self._started_at,
            finished_at=workflow.now(),
        )
