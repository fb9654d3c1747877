"""The trading engine: accepts, fills and cancels orders. No sockets, no clock and no randomness of its own.

Nothing happens by itself: `Engine.run_due` carries out what is due by the injected clock, `Engine.next_due` says when
to call it next. What happens is told to listeners as events. Orders of one client id are numbered by that client; the
rules for numbers used twice are those of the real gateway.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from simulator.gateway.agenda import Agenda
from simulator.gateway.bulletin import Bulletin
from simulator.gateway.clock import NEW_YORK, Clock
from simulator.gateway.events import (
    AccountChanged,
    Event,
    MarginPreview,
    OrderMessage,
    OrderReported,
    PricesChanged,
    StatusReported,
)
from simulator.gateway.exchange import Exchange, opening_text
from simulator.gateway.figures import AccountValue
from simulator.gateway.ledger import Ledger
from simulator.gateway.market import Instrument, Market
from simulator.gateway.opening_books import initial_state, require_known_symbols
from simulator.gateway.order_checks import (
    cannot_cancel,
    check_change,
    check_close,
    check_funds,
    check_id,
    check_number,
    check_price,
    check_terms,
    commission_of,
    is_frozen,
)
from simulator.gateway.orders import Execution, Order
from simulator.gateway.quoting import Quotations
from simulator.gateway.refusals import Refusal
from simulator.gateway.requests import ContractQuery, OrderTicket
from simulator.gateway.scenario import Scenario
from simulator.gateway.state import GatewayState

_ONLY_REGULAR_HOURS = (
    'Order Event Warning:Attribute "Outside Regular Trading Hours" is ignored based on the order type.'
)


class Engine:
    """Accounts, orders and the market of one simulated gateway."""

    def __init__(self, scenario: Scenario, clock: Clock, state: GatewayState | None = None) -> None:
        self.scenario = scenario
        self.clock = clock
        self._state = state.model_copy(deep=True) if state else initial_state(scenario)
        require_known_symbols(self._state, scenario)
        self.market = Market(scenario, self._state.prices)
        self.quotations = Quotations(scenario, self.market, lambda symbol: self._emit(PricesChanged((symbol,))))
        self.accounts: dict[str, Ledger] = {each.account: each for each in self._state.accounts}
        self._table = {(each.client_id, each.order_id): each for each in self._state.orders}
        self._agenda = Agenda()
        self.bulletin = Bulletin(
            scenario, self.accounts, self.market, self._today, lambda account: self._emit(AccountChanged(account))
        )
        self._exchange = Exchange(
            scenario, clock, self._agenda, self.market, self._state, emit=self._emit, publish=self.bulletin.publish
        )
        self._listeners: list[Callable[[Event], None]] = []
        self._resume()
        for move in scenario.moves if state is None else ():
            self._later(move.after, lambda m=move: self.move_price(m.symbol, m.price))

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
        """The account's figures as its updates tell them."""
        return self.bulletin.rows(account)

    def state(self) -> GatewayState:
        """A copy of everything that must survive a restart."""
        return self._state.model_copy(update={"prices": self.market.prices}, deep=True)

    def save(self, path: Path) -> None:
        """Write the state to a file, without copying it first: it is written at every step of every order."""
        self._state.prices = self.market.prices
        self._state.save(path)

    # -- what clients ask for ----------------------------------------------------------------------------------------

    def place(
        self,
        client_id: int,
        order_id: int,
        query: ContractQuery,
        ticket: OrderTicket,
        connected_at: datetime | None = None,
    ) -> None:
        """Place a new order or change a live one; everything that follows is told as events.

        Where there is one account only, an order that names none is for that one.
        """
        if not ticket.account and len(self.accounts) == 1:
            ticket = replace(ticket, account=next(iter(self.accounts)))
        if ticket.what_if:
            self._preview(client_id, order_id, query, ticket)
        elif known := self._table.get((client_id, order_id)):
            self._change(known, query, ticket)
        elif order_id < self.next_order_id(client_id):
            self._tell(client_id, order_id, Refusal(103, "Duplicate order id"))
        else:
            self._state.high_water[client_id] = order_id
            if warning := check_id(order_id):
                self._tell(client_id, order_id, warning)
            order = self._checked(client_id, order_id, query, ticket)
            if order:
                order.arrival = self._exchange.arrival_of(order, connected_at)
                self._state.orders.append(order)
                self._table[client_id, order_id] = order
                self._later(self.scenario.latency.ack, lambda: self._acknowledge(order))

    def refuse(
        self, client_id: int, order_id: int, refusal: Refusal, query: ContractQuery, ticket: OrderTicket
    ) -> None:
        """Turn an order away as the gateway's own precautions do: told as cancelled without ever having been open.

        Its id is used up and it is not among the orders afterwards: the same id again is a duplicate.
        """
        self.use_up(client_id, order_id)
        order = self._checked(client_id, order_id, query, ticket)
        if order is None:
            return
        self._tell(client_id, order_id, refusal)
        order.status = "Cancelled"
        self._emit(StatusReported(order))

    def find_order(self, client_id: int, order_id: int) -> Order | None:
        """The order a client placed under this id."""
        return self._table.get((client_id, order_id))

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
        elif order.status == "PendingCancel" or not order.is_working or self._is_frozen(order):
            self._tell(client_id, order_id, cannot_cancel(order))
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

    def breathe(self) -> None:
        """Let all prices take one small step within their spread; figures follow at their own times."""
        if moved := self.market.breathe():
            self._quotes_changed(tuple(moved))

    def run_due(self) -> None:
        """Carry out everything that is due by now."""
        self._agenda.run_due(self.clock.now())

    # -- acceptance --------------------------------------------------------------------------------------------------

    def _checked(self, client_id: int, order_id: int, query: ContractQuery, ticket: OrderTicket) -> Order | None:
        instrument = self._resolve(client_id, order_id, query)
        if instrument is None:
            return None
        terms = check_terms(ticket, self.accounts) or check_price(ticket, instrument)
        refusal = terms or check_close(ticket, instrument, self.clock.now())
        if refusal:
            self._tell(client_id, order_id, refusal)
            return None
        if ticket.outside_rth and ticket.order_type != "LMT":
            self._tell(client_id, order_id, Refusal(2109, _ONLY_REGULAR_HOURS))
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
            outside_rth=ticket.outside_rth and ticket.order_type == "LMT",
            algo_strategy=ticket.algo_strategy,
            algo_params=ticket.algo_params,
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
        others = self._others(order)
        funds = check_funds(order, self.accounts[order.account], self.market, others)
        refusal = funds or check_number(order, others)
        if refusal:
            self._exchange.end(order, "Inactive", refusal.text)
            self._tell(order.client_id, order.order_id, refusal)
            self._emit(OrderReported(order))
            return
        if order.status == "PendingCancel":
            return
        order.status = "PreSubmitted"
        instrument = self.market.instruments[order.symbol]
        if not instrument.hours.is_open(self.clock.now(), extended=order.outside_rth):
            opens = instrument.hours.next_open(self.clock.now(), extended=order.outside_rth).astimezone(NEW_YORK)
            self._tell(order.client_id, order.order_id, Refusal(399, opening_text(order, self.market, opens)))
        self._emit(OrderReported(order))
        self._exchange.route(order)

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
            self._exchange.end(order, "Filled")
        elif order.status == "Submitted":
            self._exchange.start_filling(order)

    def _preview(self, client_id: int, order_id: int, query: ContractQuery, ticket: OrderTicket) -> None:
        highest = self._state.next_perm_id
        order = self._checked(client_id, order_id, query, ticket)
        self._state.next_perm_id = highest
        if order is None:
            return
        ledger = self.accounts[order.account]
        after = ledger.model_copy(deep=True)
        price = order.limit_price or self._exchange.side_price(order)
        commission = commission_of(order.quantity, order.quantity * price, self.scenario.commission)
        after.book(order.symbol, order.side * order.quantity, price, commission)
        rate = self.market.rate(ledger.base_currency)
        preview = MarginPreview(
            order=order.model_copy(update={"perm_id": 0, "status": "PreSubmitted"}),
            initial_before=ledger.initial_margin(self.market) / rate,
            initial_after=after.initial_margin(self.market) / rate,
            equity_before=ledger.equity(self.market) / rate,
            equity_after=after.equity(self.market) / rate,
            commission=commission,
        )
        self._later(self.scenario.latency.ack, lambda: self._emit(preview))

    # -- endings -----------------------------------------------------------------------------------------------------

    def _finish_cancel(self, order: Order) -> None:
        if not order.is_working:
            self._tell(order.client_id, order.order_id, cannot_cancel(order))
            return
        order.acknowledged = True
        self._exchange.end(order, "Cancelled", "Cancelled by Trader")
        self._emit(StatusReported(order))
        self._tell(order.client_id, order.order_id, Refusal(202, "Order Canceled - reason:"))

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
                self._exchange.route(order)
        for execution in [each for each in self.executions if not each.commission_reported]:
            self._exchange.report_commission_later(execution)

    def _others(self, order: Order) -> list[Order]:
        same_account = (each for each in self.orders if each.account == order.account)
        return [each for each in same_account if each is not order and each.is_working and each.acknowledged]

    def _is_frozen(self, order: Order) -> bool:
        return is_frozen(order, self.market.instruments[order.symbol], self.clock.now())

    def _prices_changed(self, symbols: tuple[str, ...]) -> None:
        self._quotes_changed(symbols)
        self.bulletin.publish_all()

    def _quotes_changed(self, symbols: tuple[str, ...]) -> None:
        self._emit(PricesChanged(symbols))
        self._exchange.prices_moved(symbols)
        for order in [each for each in self.orders if each.status == "Submitted" and each.symbol in symbols]:
            if order.order_type == "LMT":
                self._exchange.start_filling(order)

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
