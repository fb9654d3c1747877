"""What becomes of an accepted order: waits for the opening, fills in parts, expires at the close.

Part of the engine: no sockets, no clock and no randomness of its own.
"""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

from simulator.gateway.agenda import Agenda
from simulator.gateway.clock import Clock
from simulator.gateway.events import (
    CommissionReported,
    Event,
    ExecutionReported,
    OrderMessage,
    OrderReported,
    PositionChanged,
)
from simulator.gateway.market import Market
from simulator.gateway.order_checks import commission_of
from simulator.gateway.orders import IMMEDIATE, Arrival, Execution, Order, OrderStatus
from simulator.gateway.scenario import Scenario
from simulator.gateway.settlement import settlement_day
from simulator.gateway.state import GatewayState


class Exchange:
    """Routes and fills orders, keeps the trade log and the accounts' books."""

    def __init__(
        self,
        scenario: Scenario,
        clock: Clock,
        agenda: Agenda,
        market: Market,
        state: GatewayState,
        emit: Callable[[Event], None],
        publish: Callable[[str], None],
    ) -> None:
        self._scenario = scenario
        self._clock = clock
        self._agenda = agenda
        self._market = market
        self._state = state
        self._accounts = {each.account: each for each in state.accounts}
        self._emit = emit
        self._publish = publish
        self._filling: set[int] = set()  # perm ids with fills on the agenda
        self._taken: dict[tuple[str, int], int] = {}  # shares that limit orders took at the present price

    def route(self, order: Order) -> None:
        """Send an accepted order to market, now or when it opens; day orders expire at that session's close."""
        now = self._clock.now()
        hours = self._market.instruments[order.symbol].hours
        is_day_order = order.tif == "DAY"
        extended = order.outside_rth
        closes = hours.next_close(order.placed_at if is_day_order else now, extended=extended)
        if closes is not None and closes <= now:
            self._expire(order)
            return
        opens = hours.next_open(now, extended=extended)
        if opens > now and order.tif in IMMEDIATE:
            self._cancel_rest(order)
            return
        if opens > now:
            self._emit(OrderReported(order))  # the gateway repeats itself while an order waits
            self._agenda.add(opens, lambda: self._open(order))
        else:
            self._open(order)
        if closes is not None:
            at_close = self._close_day_order if is_day_order else self._suspend
            self._agenda.add(closes, lambda: at_close(order))

    def start_filling(self, order: Order) -> None:
        """Plan the fills of an order that can trade now: in parts, the last one at a random time within the range."""
        if order.perm_id in self._filling or self._waits_for_close(order):
            return
        available = self._available(order)
        if available <= 0:
            self._cancel_rest(order)
            return
        self._filling.add(order.perm_id)
        # Chance depends on the order and not on what else goes on, so that a run can be repeated.
        chance = random.Random(f"{self._scenario.seed} {order.perm_id} {order.filled}")
        most = 1 if order.tif == "FOK" else self._scenario.max_fill_parts
        parts = split(available, chance.randint(1, most), chance)
        takes = chance.uniform(*self._scenario.latency.fill)
        for number, quantity in enumerate(parts, start=1):
            last = number == len(parts)
            self._later(takes * number / len(parts), lambda q=quantity, end=last: self._fill_part(order, q, last=end))

    def end(self, order: Order, status: OrderStatus, reason: str = "") -> None:
        """Give an order its last status."""
        order.status = status
        order.completed_at = self._clock.now()
        order.completed_status = reason or f"Filled Size: {order.filled}"

    def report_commission_later(self, execution: Execution) -> None:
        """Tell a fill's commission after the time that takes."""
        self._later(self._scenario.latency.commission, lambda: self._report_commission(execution))

    def prices_moved(self, symbols: tuple[str, ...]) -> None:
        """There is a new price, with shares that nobody has taken yet."""
        self._taken = {(symbol, side): n for (symbol, side), n in self._taken.items() if symbol not in symbols}

    def side_price(self, order: Order) -> Decimal:
        """What the order would trade at now: the ask for a buy, the bid for a sell."""
        quote = self._market.quote(order.symbol)
        return quote.ask if order.side > 0 else quote.bid

    def arrival_of(self, order: Order, connected_at: datetime | None) -> Arrival:
        """What a new order meets; it is not among the orders yet."""
        ledger = self._accounts[order.account]
        own = (each for each in self._state.orders if each.account == order.account)
        buys = (each for each in own if each.is_working and each.side > 0)
        return Arrival(
            price=self.side_price(order),
            cash=ledger.cash,
            net_liquidation=ledger.cash + ledger.stock_value(self._market),
            committed=sum((each.remaining * self.side_price(each) for each in buys), Decimal(0)),
            connected_at=connected_at,
        )

    # -- opening and close -------------------------------------------------------------------------------------------

    def _open(self, order: Order) -> None:
        if order.status != "PreSubmitted":
            return
        order.status = "Submitted"
        self._emit(OrderReported(order))
        self._emit(OrderReported(order))  # duplicates are what the real gateway sends
        self.start_filling(order)

    def _close_day_order(self, order: Order) -> None:
        if order.order_type == "MOC":
            self._fill(order, order.remaining)
        else:
            self._expire(order)

    def _expire(self, order: Order, reason: str = "Order expired at the close") -> None:
        if not order.is_working:
            return
        self.end(order, "Cancelled", reason)
        self._emit(OrderReported(order))
        self._emit(OrderMessage(order.client_id, order.order_id, 202, "Order Canceled - reason:"))

    def _suspend(self, order: Order) -> None:
        """An order good till cancelled waits for the next session."""
        if order.status == "Submitted":
            order.status = "PreSubmitted"
            self.route(order)

    def _waits_for_close(self, order: Order) -> bool:
        """Market-on-close orders fill at the close; where the market never closes, like any other."""
        hours = self._market.instruments[order.symbol].hours
        return order.order_type == "MOC" and hours.next_close(self._clock.now()) is not None

    # -- fills -------------------------------------------------------------------------------------------------------

    def _fill_part(self, order: Order, quantity: int, *, last: bool) -> None:
        if last:
            self._filling.discard(order.perm_id)
        # A change of size on the way leaves more or less than was planned; the last part takes what there is.
        self._fill(order, min(order.remaining if last else quantity, self._available(order)))
        if last:
            self._cancel_rest(order)

    def _cancel_rest(self, order: Order) -> None:
        """What of an order cannot be had at once is cancelled, if that is its time in force."""
        if order.tif in IMMEDIATE:
            self._expire(order, "Immediate-or-cancel or fill-or-kill")

    def _fill(self, order: Order, quantity: int) -> None:
        if not order.is_working or quantity <= 0:
            return
        price = self.side_price(order)
        charged = order.commission or Decimal(0)
        value = order.filled * order.average_price + quantity * price
        order.filled += quantity
        self._taken[order.symbol, order.side] = self._taken.get((order.symbol, order.side), 0) + quantity
        order.average_price, order.last_price = value / order.filled, price
        commission = commission_of(order.filled, value, self._scenario.commission) - charged
        realized = self._accounts[order.account].book(order.symbol, order.side * quantity, price, commission)
        if order.side < 0:
            self._accounts[order.account].note_sale(settlement_day(self._clock.now()), quantity * price)
        execution = self._record(order, quantity, price, commission, realized)
        self._emit(ExecutionReported(execution))
        if order.remaining == 0:
            self.end(order, "Filled")
        self._emit(OrderReported(order))
        order.commission = charged + commission
        self._emit(OrderReported(order))
        self._emit(PositionChanged(order.account, order.symbol))
        self._later(self._scenario.latency.account_values, lambda: self._publish(order.account))
        self.report_commission_later(execution)

    def _record(
        self, order: Order, quantity: int, price: Decimal, commission: Decimal, realized: Decimal | None
    ) -> Execution:
        number = self._state.next_execution
        self._state.next_execution += 1
        execution = Execution(
            exec_id=f"00025b44.{number:08x}.01.01",
            time=self._clock.now(),
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
            exchange=self._market.instruments[order.symbol].primary_exchange,
            ref=order.ref,
            commission=commission,
            realized=realized,
        )
        self._state.executions.append(execution)
        return execution

    def _report_commission(self, execution: Execution) -> None:
        execution.commission_reported = True
        self._emit(CommissionReported(execution))

    def _can_trade(self, order: Order) -> bool:
        """Whether the market is open and the price within the order's limit."""
        hours = self._market.instruments[order.symbol].hours
        if not hours.is_open(self._clock.now(), extended=order.outside_rth):
            return False
        if order.limit_price is None:
            return True
        price = self.side_price(order)
        return price <= order.limit_price if order.side > 0 else price >= order.limit_price

    def _available(self, order: Order) -> int:
        """How many shares the order may get now: a limit order no more than the market has at this price.

        An order that is to be filled or killed gets all or nothing.
        """
        if not self._can_trade(order):
            return 0
        depth = self._market.instruments[order.symbol].depth
        if depth is None or order.limit_price is None:
            return order.remaining
        most = max(min(order.remaining, depth - self._taken.get((order.symbol, order.side), 0)), 0)
        return 0 if order.tif == "FOK" and most < order.remaining else most

    def _later(self, seconds: float, action: Callable[[], None]) -> None:
        self._agenda.add(self._clock.now() + timedelta(seconds=seconds), action)


def split(quantity: int, parts: int, chance: random.Random) -> list[int]:
    """Cut a quantity into at most so many parts of at least one share."""
    cuts = sorted(chance.sample(range(1, quantity), min(parts, quantity) - 1))
    return [end - start for start, end in zip([0, *cuts], [*cuts, quantity], strict=True)]


def opening_text(order: Order, market: Market, opens: datetime) -> str:
    """The warning (399) about an order placed outside trading hours; ``opens`` in New York time."""
    instrument = market.instruments[order.symbol]
    return (
        f"Order Message:\n{order.action} {order.quantity} {order.symbol} "
        f"{instrument.primary_exchange}.{instrument.trading_class}\nWarning: your order will not be placed at the "
        f"exchange until {opens:%Y-%m-%d %H:%M:%S} US/Eastern"
    )
