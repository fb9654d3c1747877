"""The client's side of placing orders, reduced to what decides: a connection, time, and the gateway's engine."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import uuid4

from activities.gateway.ledger import Execution, LedgerOrder, OrderLedger
from activities.gateway.placing import QUIET_PERIOD, trading_day
from rebalancing.freshness import Figures
from rebalancing.orders.intent_fate import Evidence, OrderIds
from rebalancing.orders.order import Intent, LegOrder, OrderType, Side, refers_to
from simulator.gateway.clock import ManualClock
from simulator.gateway.engine import Engine
from simulator.gateway.events import Event, ExecutionReported, OrderMessage, OrderReported, StatusReported
from simulator.gateway.orders import Order
from simulator.gateway.refusals import Refusal
from simulator.gateway.requests import ContractQuery, OrderTicket
from simulator.gateway.scenario import AccountSetup, InstrumentSetup, Latency, Scenario

CLIENT: Final = 7
ACCOUNT: Final = "DU1"
SYMBOLS: Final = ("QQQ", "BND")
SETTLING: Final = timedelta(seconds=3)
FRESHNESS: Final = timedelta(seconds=60)
START: Final = datetime(2026, 3, 10, 18, 0, tzinfo=UTC)

SCENARIO: Final = Scenario(
    accounts=(AccountSetup(account=ACCOUNT, cash=Decimal(1_000_000), holdings={"QQQ": 500, "BND": 500}),),
    instruments=tuple(InstrumentSetup(symbol=symbol, price=Decimal(100)) for symbol in SYMBOLS),
    hours="always_open",
    latency=Latency(ack=0.5, fill=(1, 20), commission=0.5),
)


class Connection:
    """What the client learns on one connection: lost with it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.ids = OrderIds(engine.next_order_id(CLIENT))
        self.ledger = OrderLedger()
        self.muted: set[int] = set()
        self.name = uuid4().hex
        self.opened_at = engine.clock.now()
        self.ask()

    def ask(self) -> None:
        """The three queries. Completed orders come without their ids, as from the real gateway."""
        self.ledger.note_open([_seen(order) for order in self.engine.open_orders()], CLIENT)
        for order in self.engine.completed_orders():
            self.ledger.note_order(_seen(order, order_id=0, client_id=0))
        for execution in self.engine.executions_today():
            self.ledger.note_execution(execution.ref, _execution(execution.exec_id, execution.quantity))

    def hear(self, event: Event) -> None:
        """Something the gateway pushes."""
        match event:
            case OrderReported(order) | StatusReported(order) if order.order_id not in self.muted:
                self.ledger.note_order(_seen(order))
            case ExecutionReported(execution) if execution.order_id not in self.muted:
                self.ledger.note_execution(execution.ref, _execution(execution.exec_id, execution.quantity))
            case OrderMessage(_, order_id, code, text) if order_id not in self.muted:
                self.ledger.note_error(order_id, code, text)
            case _:
                pass

    def evidence(self, intent: Intent, *, never_sent: bool) -> Evidence:
        """What the order desk would know. ``never_sent``: nobody began to send it, as far as the history tells."""
        now = self.engine.clock.now()
        holder = self.ledger.holder_of(CLIENT, intent.order_id)
        return Evidence(
            found=self.ledger.holds(intent.ref),
            never_sent=never_sent or self.ids.reserved(intent),
            staleness=intent.figures.staleness(self.name, now),
            id_taken=holder is not None and not refers_to(holder, intent.ref),
            has_rival=self.ledger.has_rival(intent, CLIENT),
            order_id=intent.order_id,
            highest_sent=self.ids.highest_sent,
            next_valid_id=self.ids.next_valid_id,
            trading_day=intent.trading_day,
            today=trading_day(now),
            position_before=intent.position_before,
            position_now=self.position(intent.symbol),
            quiet_period_over=now - self.opened_at >= QUIET_PERIOD,
        )

    def position(self, symbol: str) -> int:
        """Shares held, as the gateway pushes them."""
        return self.engine.accounts[ACCOUNT].positions.get(symbol, 0)

    def figures(self, symbol: str) -> Figures:
        """What a reading at this moment tells."""
        now = self.engine.clock.now()
        return Figures(connection=self.name, taken_at=now, fresh_until=now + FRESHNESS, position=self.position(symbol))

    def reserve(self, order: LegOrder, above: int = 0) -> Intent:
        """What ``prepare_leg`` does for one order."""
        filled = (execution.order_id for execution in self.engine.executions_today())
        told = max((self.ledger.highest_id(CLIENT), above, *filled))
        return Intent(
            **LegOrder.model_validate(order, from_attributes=True).model_dump(include=set(LegOrder.model_fields)),
            order_id=self.ids.reserve(order.ref, at_least=told + 1),
            trading_day=trading_day(self.engine.clock.now()),
        )


class World:
    """A gateway that can be restarted, bytes that may be under way, and time."""

    def __init__(self) -> None:
        self.clock = ManualClock(START)
        self.connection: Connection | None = None
        self._forgotten: list[Order] = []
        self._late: list[tuple[datetime, Intent, Decimal | None]] = []
        self.engine = self._started(Engine(SCENARIO, self.clock))

    @property
    def orders(self) -> list[Order]:
        """Every order that was ever accepted."""
        return self._forgotten + self.engine.orders

    def restart(self, roll_back: int) -> None:
        """The gateway ends and starts again, its order id count set back by so many.

        It knows nothing any more of orders that ended on an earlier day, not even that their ids were used.
        """
        state = self.engine.state().with_order_ids_rolled_back(roll_back)
        today = trading_day(self.clock.now())
        over = [order for order in state.orders if order.completed_at and trading_day(order.completed_at) != today]
        state.orders = [order for order in state.orders if order not in over]
        self._forgotten += over
        self.connection = None
        self._late.clear()
        self.engine = self._started(Engine(SCENARIO, self.clock, state))

    def connect(self) -> Connection:
        """The connection there is, or a new one."""
        self.connection = self.connection or Connection(self.engine)
        return self.connection

    def deliver(self, intent: Intent, price: Decimal | None = None) -> None:
        """The bytes of an order, or of its change to another price, reach the gateway."""
        self.engine.place(CLIENT, intent.order_id, _contract(intent), _ticket(intent, price))

    def refuse(self, intent: Intent) -> None:
        """The bytes reach a gateway whose own precautions turn the order down."""
        refusal = Refusal(201, "Order rejected - reason:precaution")
        self.engine.refuse(CLIENT, intent.order_id, refusal, _contract(intent), _ticket(intent))

    def deliver_later(self, intent: Intent, seconds: float, price: Decimal | None = None) -> None:
        """The bytes are under way; what happens to the connection does not stop them."""
        self._late.append((self.clock.now() + timedelta(seconds=seconds), intent, price))

    def pass_time(self, seconds: float) -> None:
        """Let time pass, and whatever is due happen when it is due."""
        until = self.clock.now() + timedelta(seconds=seconds)
        while self._late and (next_late := min(self._late, key=lambda late: late[0]))[0] <= until:
            self._late.remove(next_late)
            self._advance_to(max(next_late[0], self.clock.now()))
            self.deliver(*next_late[1:])
        self._advance_to(until)

    def _advance_to(self, moment: datetime) -> None:
        self.clock.advance((moment - self.clock.now()).total_seconds())
        self.engine.run_due()

    def _started(self, engine: Engine) -> Engine:
        def tell(event: Event) -> None:
            if self.connection is not None and self.connection.engine is engine:
                self.connection.hear(event)

        engine.listen(tell)
        return engine


def leg_order(
    number: int, figures: Figures, symbol: str, side: Side, quantity: int, limit: Decimal | None = None
) -> LegOrder:
    """One order of a leg, not yet reserved: at market, or with a limit."""
    return LegOrder(
        ref=f"rb-{number:05}-1-1-0a1b2c3d",
        account=ACCOUNT,
        symbol=symbol,
        con_id=1,
        side=side,
        quantity=quantity,
        figures=figures,
        order_type=OrderType.MARKET if limit is None else OrderType.LIMIT,
        limit_price=limit,
    )


def settled(connection: Connection) -> bool:
    """Whether new ids may be reserved: a young connection is kept for legs that were cut off."""
    return connection.engine.clock.now() - connection.opened_at >= SETTLING


def _contract(intent: Intent) -> ContractQuery:
    return ContractQuery(symbol=intent.symbol, sec_type="STK")


def _ticket(intent: Intent, price: Decimal | None = None) -> OrderTicket:
    return OrderTicket(
        account=ACCOUNT,
        action=intent.side.value,
        quantity=Decimal(intent.quantity),
        order_type=intent.order_type,
        limit_price=price or intent.limit_price,
        tif="DAY",
        order_ref=intent.ref,
    )


def _seen(order: Order, **update: int) -> LedgerOrder:
    return LedgerOrder(
        ref=order.ref,
        order_id=update.get("order_id", order.order_id),
        perm_id=order.perm_id,
        client_id=update.get("client_id", order.client_id),
        account=order.account,
        symbol=order.symbol,
        side=order.action,
        quantity=order.quantity,
        status=order.status,
        reported_filled=order.filled,
        limit_price=order.limit_price,
    )


def _execution(exec_id: str, shares: int) -> Execution:
    return Execution(exec_id=exec_id, shares=shares, price=Decimal(100))
