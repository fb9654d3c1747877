"""The trading engine: accepts, fills and cancels orders. No sockets, no clock and no randomness of its own.

Nothing happens by itself: `Engine.run_due` carries out what is due by the injected clock, `Engine.next_due` says when
to call it next. What happens is told to listeners as events. Orders of one client id are numbered by that client; the
rules for numbers used twice are those of the real gateway.
"""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

from simulator.gateway.agenda import Agenda
from simulator.gateway.clock import NEW_YORK, Clock
from simulator.gateway.events import (
    AccountChanged,
    CommissionReported,
    Event,
    ExecutionReported,
    MarginPreview,
    OrderMessage,
    OrderReported,
    PositionChanged,
    PricesChanged,
    StatusReported,
)
from simulator.gateway.ledger import AccountValue, Holding, Ledger
from simulator.gateway.market import Instrument, Market
from simulator.gateway.order_checks import (
    Refusal,
    check_change,
    check_funds,
    check_price,
    check_terms,
    commission_of,
)
from simulator.gateway.orders import Execution, Order, OrderStatus
from simulator.gateway.requests import ContractQuery, OrderTicket
from simulator.gateway.scenario import Scenario
from simulator.gateway.state import GatewayState

_FIRST_PERM_ID = 1_500_000_001


def initial_state(scenario: Scenario) -> GatewayState:
    """The books as a scenario opens them; holdings cost what they are worth at the start."""
    prices = {each.symbol: each.price for each in scenario.instruments}
    ledgers = [
        Ledger(
            account=each.account,
            cash=each.cash,
            kind=each.kind,
            holdings={s: Holding(quantity=q, average_cost=prices[s]) for s, q in each.holdings.items()},
        )
        for each in scenario.accounts
    ]
    return GatewayState(accounts=ledgers, next_perm_id=_FIRST_PERM_ID)


class Engine:
    """Accounts, orders and the market of one simulated gateway."""

    def __init__(self, scenario: Scenario, clock: Clock, state: GatewayState | None = None) -> None:
        self.scenario = scenario
        self.clock = clock
        self._state = state.model_copy(deep=True) if state else initial_state(scenario)
        self.market = Market(scenario, self._state.prices)
        self.accounts: dict[str, Ledger] = {each.account: each for each in self._state.accounts}
        self._table = {(each.client_id, each.order_id): each for each in self._state.orders}
        self._filling: set[int] = set()  # perm ids with a fill on the agenda
        self._agenda = Agenda()
        self._listeners: list[Callable[[Event], None]] = []
        self._published: dict[str, list[AccountValue]] = {}
        for account in self.accounts:
            self._publish(account)
        self._resume()

    # -- what others may look at -------------------------------------------------------------------------------------

    @property
    def orders(self) -> list[Order]:
        """All orders ever accepted, oldest first."""
        return self._state.orders

    @property
    def executions(self) -> list[Execution]:
        """The permanent trade log, oldest first."""
        return self._state.executions

    @property
    def next_due(self) -> datetime | None:
        """When something happens next without anybody asking."""
        return self._agenda.next_due

    def listen(self, listener: Callable[[Event], None]) -> None:
        """Have every event from now on told to the listener."""
        self._listeners.append(listener)

    def next_order_id(self, client_id: int) -> int:
        """The lowest order id this client may use next."""
        return max(self._state.high_water.get(client_id, 0) + 1, self.scenario.first_order_id)

    def open_orders(self, client_id: int | None = None) -> list[Order]:
        """Acknowledged working orders: of one client, or of all."""
        return [
            each
            for each in self.orders
            if each.is_working and each.acknowledged and client_id in (None, each.client_id)
        ]

    def completed_orders(self) -> list[Order]:
        """Orders that ended today (New York); the gateway forgets older ones."""
        today = self._today()
        return [each for each in self.orders if each.completed_at and _day(each.completed_at) == today]

    def executions_today(self) -> list[Execution]:
        """The day's fills (New York), all a gateway can tell."""
        return [each for each in self.executions if _day(each.time) == self._today()]

    def account_values(self, account: str) -> list[AccountValue]:
        """The account's figures as last published: they lag behind the fills if the scenario says so."""
        if self.scenario.latency.account_values == 0:
            return self.accounts[account].values(self.market)
        return self._published[account]

    def state(self) -> GatewayState:
        """A copy of everything that must survive a restart."""
        return self._state.model_copy(update={"prices": self.market.prices}, deep=True)

    # -- what clients ask for ----------------------------------------------------------------------------------------

    def place(self, client_id: int, order_id: int, query: ContractQuery, ticket: OrderTicket) -> None:
        """Place a new order or change a live one; everything that follows is told as events."""
        if ticket.what_if:
            self._preview(client_id, order_id, query, ticket)
        elif known := self._table.get((client_id, order_id)):
            self._change(known, query, ticket)
        elif order_id < self.next_order_id(client_id):
            self._tell(client_id, order_id, Refusal(103, "Duplicate order id"))
        else:
            self._state.high_water[client_id] = order_id
            order = self._checked(client_id, order_id, query, ticket)
            if order:
                self._state.orders.append(order)
                self._table[client_id, order_id] = order
                self._later(self.scenario.latency.ack, lambda: self._acknowledge(order))

    def refuse(self, client_id: int, order_id: int, code: int, text: str) -> None:
        """Turn an order away as the gateway's own precautions do: the id is used up, the order is never known."""
        self.use_up(client_id, order_id)
        self._tell(client_id, order_id, Refusal(code, text))

    def use_up(self, client_id: int, order_id: int) -> None:
        """Count an order id, and all below it, as used."""
        if order_id >= self.next_order_id(client_id):
            self._state.high_water[client_id] = order_id

    def cancel(self, client_id: int, order_id: int) -> None:
        """Ask for an order to be cancelled; only the client that placed it can."""
        order = self._table.get((client_id, order_id))
        if order is None:
            text = f"OrderId {order_id} that needs to be cancelled is not found."
            self._tell(client_id, order_id, Refusal(10147, text))
        elif order.status == "PendingCancel" or not order.is_working:
            self._tell(client_id, order_id, _cannot_cancel(order))
        else:
            order.status = "PendingCancel"
            self._emit(StatusReported(order))
            self._later(self.scenario.latency.ack, lambda: self._finish_cancel(order))

    def cancel_all(self) -> None:
        """Cancel every working order of every client and account."""
        for order in [each for each in self.orders if each.is_working and each.status != "PendingCancel"]:
            self.cancel(order.client_id, order.order_id)

    def move_price(self, symbol: str, price: Decimal) -> None:
        """Set a symbol's price; limit orders that it reaches begin to fill. Errors as `Market.move`."""
        self.market.move(symbol, price)
        self._prices_changed((symbol,))

    def wander(self) -> None:
        """Let all prices take one random step, if the scenario has them move."""
        if moved := self.market.wander():
            self._prices_changed(tuple(moved))

    def run_due(self) -> None:
        """Carry out everything that is due by now."""
        self._agenda.run_due(self.clock.now())

    # -- acceptance --------------------------------------------------------------------------------------------------

    def _checked(self, client_id: int, order_id: int, query: ContractQuery, ticket: OrderTicket) -> Order | None:
        instrument = self._resolve(client_id, order_id, query)
        if instrument is None:
            return None
        refusal = check_terms(ticket, self.accounts) or check_price(ticket, instrument)
        if refusal:
            self._tell(client_id, order_id, refusal)
            return None
        self._state.next_perm_id += 1
        return Order(
            client_id=client_id,
            order_id=order_id,
            perm_id=self._state.next_perm_id - 1,
            account=ticket.account,
            symbol=instrument.symbol,
            action="BUY" if ticket.action == "BUY" else "SELL",
            quantity=int(ticket.quantity),
            order_type=ticket.order_type,
            limit_price=ticket.limit_price if ticket.order_type == "LMT" else None,
            tif=ticket.tif or "DAY",
            ref=ticket.order_ref,
            outside_rth=ticket.outside_rth,
            exchange=query.exchange or "SMART",
            placed_at=self.clock.now(),
        )

    def _resolve(self, client_id: int, order_id: int, query: ContractQuery) -> Instrument | None:
        found = self.market.find(query)
        if len(found) == 1:
            return found[0]
        self._tell(client_id, order_id, Refusal(200, "No security definition has been found for the request"))
        return None

    def _acknowledge(self, order: Order) -> None:
        if not order.is_working:
            return
        order.acknowledged = True
        refusal = check_funds(order, self.accounts[order.account], self.market, self._others(order))
        if refusal:
            self._end(order, "Inactive", refusal.text)
            self._tell(order.client_id, order.order_id, refusal)
            self._emit(OrderReported(order))
            return
        if order.status == "PendingCancel":
            return
        order.status = "PreSubmitted"
        instrument = self.market.instruments[order.symbol]
        if not instrument.hours.is_open(self.clock.now()):
            self._tell(order.client_id, order.order_id, _waits_for_open(order, instrument, self.clock.now()))
        self._emit(OrderReported(order))
        self._route(order)

    def _route(self, order: Order) -> None:
        """Send an accepted order to the exchange, now or when it opens; day orders expire at the close."""
        now = self.clock.now()
        hours = self.market.instruments[order.symbol].hours
        opens, closes = hours.next_open(now), hours.next_close(now)
        if opens > now:
            self._emit(OrderReported(order))  # the gateway repeats itself while an order waits
            self._agenda.add(opens, lambda: self._open(order))
        else:
            self._open(order)
        if closes is None:
            return
        if order.order_type == "MOC":
            self._agenda.add(closes, lambda: self._fill(order, order.remaining))
        elif order.tif == "DAY":
            self._agenda.add(closes, lambda: self._expire(order))

    def _open(self, order: Order) -> None:
        if order.status not in ("PreSubmitted", "PendingSubmit"):
            return
        order.status = "Submitted"
        self._emit(OrderReported(order))
        self._emit(OrderReported(order))
        closes = self.market.instruments[order.symbol].hours.next_close(self.clock.now())
        if order.order_type != "MOC" or closes is None:
            self._start_filling(order)

    def _change(self, order: Order, query: ContractQuery, ticket: OrderTicket) -> None:
        client_id, order_id = order.client_id, order.order_id
        if not order.is_working or order.status == "PendingCancel":
            self._tell(client_id, order_id, Refusal(104, "Cannot modify a filled order."))
            return
        if not order.acknowledged:
            self._tell(client_id, order_id, Refusal(2102, "Unable to modify this order as its still being processed."))
            return
        instrument = self._resolve(client_id, order_id, query)
        if instrument is None:
            return
        terms = check_terms(ticket, self.accounts) or check_price(ticket, instrument)
        refusal = terms or check_change(order, ticket, instrument.symbol)
        if refusal:
            self._tell(client_id, order_id, refusal)
            return
        order.quantity = int(ticket.quantity)
        order.limit_price = ticket.limit_price if order.order_type == "LMT" else None
        order.ref = ticket.order_ref or order.ref
        self._later(self.scenario.latency.ack, lambda: self._emit(OrderReported(order)))
        if order.remaining == 0:
            self._end(order, "Filled")
        elif order.status == "Submitted":
            self._start_filling(order)

    def _preview(self, client_id: int, order_id: int, query: ContractQuery, ticket: OrderTicket) -> None:
        highest = self._state.next_perm_id
        order = self._checked(client_id, order_id, query, ticket)
        self._state.next_perm_id = highest
        if order is None:
            return
        ledger = self.accounts[order.account]
        after = ledger.model_copy(deep=True)
        price = order.limit_price or self._side_price(order)
        commission = commission_of(order.quantity, order.quantity * price, self.scenario.commission)
        after.book(order.symbol, order.side * order.quantity, price, commission)
        preview = MarginPreview(
            order=order.model_copy(update={"perm_id": 0, "status": "PreSubmitted"}),
            initial_before=ledger.initial_margin(self.market),
            initial_after=after.initial_margin(self.market),
            equity_before=ledger.cash + ledger.stock_value(self.market),
            equity_after=after.cash + after.stock_value(self.market),
            commission=commission,
        )
        self._later(self.scenario.latency.ack, lambda: self._emit(preview))

    # -- fills -------------------------------------------------------------------------------------------------------

    def _start_filling(self, order: Order) -> None:
        if order.perm_id in self._filling or not self._is_marketable(order):
            return
        self._filling.add(order.perm_id)
        # Chance depends on the order and not on what else goes on, so that a run can be repeated.
        chance = random.Random(f"{self.scenario.seed} {order.perm_id} {order.filled}")
        parts = _split(order.remaining, chance.randint(1, self.scenario.max_fill_parts), chance)
        takes = chance.uniform(*self.scenario.latency.fill)
        for number, quantity in enumerate(parts, start=1):
            last = number == len(parts)
            self._later(takes * number / len(parts), lambda q=quantity, end=last: self._fill_part(order, q, end))

    def _fill_part(self, order: Order, quantity: int, last: bool) -> None:
        if last:
            self._filling.discard(order.perm_id)
        if not order.is_working or not self._is_marketable(order):
            return
        # A change of size on the way leaves more or less than was planned; the last part takes what there is.
        self._fill(order, order.remaining if last else min(quantity, order.remaining))

    def _fill(self, order: Order, quantity: int) -> None:
        if not order.is_working or quantity <= 0:
            return
        price = self._side_price(order)
        value_before = order.filled * order.average_price
        charged = order.commission or Decimal(0)
        order.filled += quantity
        value = value_before + quantity * price
        order.average_price, order.last_price = value / order.filled, price
        commission = commission_of(order.filled, value, self.scenario.commission) - charged
        realized = self.accounts[order.account].book(order.symbol, order.side * quantity, price, commission)
        execution = self._record(order, quantity, price, commission, realized)
        self._emit(ExecutionReported(execution))
        if order.remaining == 0:
            self._end(order, "Filled")
        self._emit(OrderReported(order))
        order.commission = charged + commission
        self._emit(OrderReported(order))
        self._emit(PositionChanged(order.account, order.symbol))
        self._later(self.scenario.latency.account_values, lambda: self._publish(order.account))
        self._later(self.scenario.latency.commission, lambda: self._report_commission(execution))

    def _record(
        self, order: Order, quantity: int, price: Decimal, commission: Decimal, realized: Decimal | None
    ) -> Execution:
        number = self._state.next_execution
        self._state.next_execution += 1
        execution = Execution(
            exec_id=f"00025b44.{number:08x}.01.01",
            time=self.clock.now(),
            client_id=order.client_id,
            order_id=order.order_id,
            perm_id=order.perm_id,
            account=order.account,
            symbol=order.symbol,
            side="BOT" if order.side > 0 else "SLD",
            quantity=quantity,
            price=price,
            cumulative=order.filled,
            average_price=order.average_price,
            exchange=self.market.instruments[order.symbol].primary_exchange,
            ref=order.ref,
            commission=commission,
            realized=realized,
        )
        self.executions.append(execution)
        return execution

    def _report_commission(self, execution: Execution) -> None:
        execution.commission_reported = True
        self._emit(CommissionReported(execution))

    def _is_marketable(self, order: Order) -> bool:
        if order.limit_price is None:
            return True
        quote = self.market.quote(order.symbol)
        return quote.ask <= order.limit_price if order.side > 0 else quote.bid >= order.limit_price

    def _side_price(self, order: Order) -> Decimal:
        quote = self.market.quote(order.symbol)
        return quote.ask if order.side > 0 else quote.bid

    # -- endings -----------------------------------------------------------------------------------------------------

    def _finish_cancel(self, order: Order) -> None:
        if not order.is_working:
            self._tell(order.client_id, order.order_id, _cannot_cancel(order))
            return
        order.acknowledged = True
        self._end(order, "Cancelled", "Cancelled by Trader")
        self._emit(StatusReported(order))
        self._tell(order.client_id, order.order_id, Refusal(202, "Order Canceled - reason:"))

    def _expire(self, order: Order) -> None:
        if not order.is_working:
            return
        self._end(order, "Cancelled", "Order expired at the close")
        self._emit(OrderReported(order))
        self._tell(order.client_id, order.order_id, Refusal(202, "Order Canceled - reason:"))

    def _end(self, order: Order, status: OrderStatus, reason: str = "") -> None:
        order.status = status
        order.completed_at = self.clock.now()
        order.completed_status = reason or f"Filled Size: {order.filled}"

    # -- plumbing ----------------------------------------------------------------------------------------------------

    def _resume(self) -> None:
        """After a restart: acknowledge, fill and report what was under way."""
        for order in [each for each in self.orders if each.is_working]:
            if order.status == "PendingCancel":
                self._later(self.scenario.latency.ack, lambda o=order: self._finish_cancel(o))
            elif not order.acknowledged:
                self._later(self.scenario.latency.ack, lambda o=order: self._acknowledge(o))
            else:
                order.status = "PreSubmitted"
                self._route(order)
        for execution in [each for each in self.executions if not each.commission_reported]:
            self._later(self.scenario.latency.commission, lambda e=execution: self._report_commission(e))

    def _others(self, order: Order) -> list[Order]:
        same_account = (each for each in self.orders if each.account == order.account)
        return [each for each in same_account if each is not order and each.is_working and each.acknowledged]

    def _prices_changed(self, symbols: tuple[str, ...]) -> None:
        self._emit(PricesChanged(symbols))
        for order in [each for each in self.orders if each.status == "Submitted" and each.symbol in symbols]:
            if order.order_type == "LMT":
                self._start_filling(order)
        for account in self.accounts:
            self._publish(account)

    def _publish(self, account: str) -> None:
        self._published[account] = self.accounts[account].values(self.market)
        self._emit(AccountChanged(account))

    def _tell(self, client_id: int, order_id: int, refusal: Refusal) -> None:
        self._emit(OrderMessage(client_id, order_id, refusal.code, refusal.text))

    def _emit(self, event: Event) -> None:
        for listener in list(self._listeners):
            listener(event)

    def _later(self, seconds: float, action: Callable[[], None]) -> None:
        self._agenda.add(self.clock.now() + timedelta(seconds=seconds), action)

    def _today(self) -> str:
        return _day(self.clock.now())


def _day(moment: datetime) -> str:
    return f"{moment.astimezone(NEW_YORK):%Y%m%d}"


def _split(quantity: int, parts: int, chance: random.Random) -> list[int]:
    """Cut a quantity into at most so many parts of at least one share."""
    cuts = sorted(chance.sample(range(1, quantity), min(parts, quantity) - 1))
    return [end - start for start, end in zip([0, *cuts], [*cuts, quantity], strict=True)]


def _cannot_cancel(order: Order) -> Refusal:
    text = f"OrderId {order.order_id} that needs to be cancelled cannot be cancelled, state: {order.status}."
    return Refusal(10148, text)


def _waits_for_open(order: Order, instrument: Instrument, now: datetime) -> Refusal:
    opens = instrument.hours.next_open(now).astimezone(NEW_YORK)
    return Refusal(
        399,
        f"Order Message:\n{order.action} {order.quantity} {order.symbol} "
        f"{instrument.primary_exchange}.{instrument.trading_class}\nWarning: your order will not be placed at the "
        f"exchange until {opens:%Y-%m-%d %H:%M:%S} US/Eastern",
    )
