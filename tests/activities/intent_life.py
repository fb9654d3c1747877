"""A connection for the order desk, reduced to what decides: time, the gateway's engine, and bytes that may be lost."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final
from uuid import uuid4

from activities.gateway.intent_judge import trading_day
from activities.gateway.ledger import Execution, LedgerOrder, OrderLedger
from activities.gateway.order_desk import OrderDesk
from activities.gateway.translation import SIDES
from rebalancing.errors import GatewayUnavailable
from rebalancing.freshness import Figures
from rebalancing.orders.order import Intent, LegOrder, OrderType, Side
from simulator.gateway import orders as gateway_orders
from simulator.gateway.clock import ManualClock
from simulator.gateway.engine import Engine
from simulator.gateway.events import Event, ExecutionReported, OrderMessage, OrderReported, StatusReported
from simulator.gateway.orders import Order
from simulator.gateway.refusals import Refusal
from simulator.gateway.requests import ContractQuery, OrderTicket
from simulator.gateway.scenario import AccountSetup, InstrumentSetup, Latency, Scenario

CLIENT: Final = 7
ACCOUNT: Final = "DU1"
CON_IDS: Final = {"QQQ": 1, "BND": 2}
SETTLING: Final = timedelta(seconds=3)
FRESHNESS: Final = timedelta(seconds=60)
START: Final = datetime(2026, 3, 10, 18, 0, tzinfo=UTC)

SCENARIO: Final = Scenario(
    accounts=(AccountSetup(account=ACCOUNT, cash=Decimal(1_000_000), holdings={"QQQ": 500, "BND": 500}),),
    instruments=tuple(InstrumentSetup(symbol=symbol, price=Decimal(100)) for symbol in CON_IDS),
    hours="always_open",
    latency=Latency(ack=0.5, fill=(1, 20), commission=0.5),
)


class Connection:
    """What the order desk needs of a connection (``OrderConnection``), over the gateway's engine: used once.

    ``delivery`` says what happens to the bytes of the next orders.
    """

    def __init__(self, world: "World", desk_class: type[OrderDesk]) -> None:
        self._world = world
        self._heard = 0
        self._muted: set[int] = set()
        self.engine = world.engine
        self.client_id = CLIENT
        self.name = uuid4().hex
        self.ledger = OrderLedger()
        self.next_valid_id = self._number = world.engine.next_order_id(CLIENT)
        self.connected_at = world.clock.now()
        self.is_lost = False
        self.delivery = "accepted"
        self._ask()
        self.desk = desk_class(self, SETTLING, world.clock.now)

    def require(self) -> None:
        """Raise if it is lost."""
        if self.is_lost:
            raise GatewayUnavailable("lost")

    def abandon(self, reason: str) -> None:
        """The next one asks for everything again."""
        self._world.lose_connection()

    async def room(self) -> None:
        """Every message is written at once."""
        self.require()

    async def refresh_orders(self) -> None:
        """Ask again."""
        self.require()
        self._ask()

    async def wait_changed(self, timeout: float, account: str | None = None) -> None:
        """Let time pass until something is heard; a time-out is never so short that it is no time to this clock."""
        heard, until = self._heard, self._world.clock.now() + timedelta(seconds=max(timeout, 0.001))
        while self._heard == heard and not self.is_lost and (left := until - self._world.clock.now()) > timedelta():
            self._world.pass_time(min(left.total_seconds(), 0.5))

    def shares(self, account: str, con_id: int) -> int:
        """Shares held, as the gateway pushes them."""
        symbol = next(symbol for symbol, known in CON_IDS.items() if known == con_id)
        return self.engine.accounts[account].positions.get(symbol, 0)

    def free_number(self) -> int:
        """Requests have no numbers here."""
        return self._number

    def pass_number(self, number: int) -> None:
        """An order has this number."""
        self._number = max(self._number, number + 1)

    def send_order(self, intent: Intent) -> None:
        """The bytes of an order suffer the fate named."""
        self._world.sent += 1
        match self.delivery:
            case "late":
                self._world.deliver_later(intent, 2)
            case "lost":
                self._world.lose_connection()  # an unanswered order is looked up on a new connection
            case "used_up":
                self.engine.use_up(CLIENT, intent.order_id)
                self._world.lose_connection()
            case "muted":
                self._muted.add(intent.order_id)
                self._world.deliver(intent)
            case "refused":
                self._world.refuse(intent)
            case _:
                self._world.deliver(intent)

    def change_order(self, intent: Intent, price: Decimal) -> None:
        """The bytes of a change may be under way for a while, or be lost."""
        if self.delivery == "late":
            self._world.deliver_later(intent, 2, price)
        elif self.delivery == "accepted":
            self._world.deliver(intent, price)

    def cancel_order(self, order_id: int) -> None:
        """Cancellations always arrive."""
        self.engine.cancel(CLIENT, order_id)

    def hear(self, event: Event) -> None:
        """Something the gateway pushes."""
        match event:
            case OrderReported(order) | StatusReported(order) if order.order_id not in self._muted:
                self.ledger.note_order(_seen(order))
            case ExecutionReported(execution) if execution.order_id not in self._muted:
                self._note_execution(execution)
            case OrderMessage(_, order_id, code, text) if order_id not in self._muted:
                self.ledger.note_error(order_id, code, text)
            case _:
                return
        self._heard += 1

    def figures(self, symbol: str) -> Figures:
        """What a reading at this moment tells."""
        now, position = self._world.clock.now(), self.shares(ACCOUNT, CON_IDS[symbol])
        return Figures(connection=self.name, taken_at=now, fresh_until=now + FRESHNESS, position=position)

    def _ask(self) -> None:
        """The three queries. Completed orders come without their ids, as from the real gateway."""
        self.ledger.note_open([_seen(order) for order in self.engine.open_orders()], CLIENT)
        for order in self.engine.completed_orders():
            self.ledger.note_order(_seen(order, order_id=0, client_id=0))
        for execution in self.engine.executions_today():
            self._note_execution(execution)

    def _note_execution(self, execution: gateway_orders.Execution) -> None:
        self.ledger.note_execution(execution.ref, _execution(execution))


class WorldLoop(asyncio.SelectorEventLoop):
    """Runs the order desk by the time of the world it is in."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__()
        self._world_clock = clock

    def time(self) -> float:
        """Seconds, as time-outs count them."""
        return self._world_clock.now().timestamp()


class World:
    """A gateway that can be restarted, bytes that may be under way, and time."""

    def __init__(self, desk_class: type[OrderDesk]) -> None:
        self.clock = ManualClock(START)
        self._desk_class = desk_class
        self.connection: Connection | None = None
        self.sent = 0
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
        self.lose_connection()
        self._late.clear()
        self.engine = self._started(Engine(SCENARIO, self.clock, state))

    def connect(self) -> Connection:
        """The connection there is, or a new one."""
        self.connection = self.connection or Connection(self, self._desk_class)
        return self.connection

    def lose_connection(self) -> None:
        """Whoever still has the connection finds it lost; the next one is new."""
        if self.connection is not None:
            self.connection.is_lost = True
        self.connection = None

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
        con_id=CON_IDS[symbol],
        side=side,
        quantity=quantity,
        figures=figures,
        order_type=OrderType.MARKET if limit is None else OrderType.LIMIT,
        limit_price=limit,
    )


def settled(connection: Connection) -> bool:
    """Whether new ids may be reserved: a young connection is kept for legs that were cut off."""
    return connection.engine.clock.now() - connection.connected_at >= SETTLING


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
        con_id=CON_IDS[order.symbol],
        side=order.action,
        quantity=order.quantity,
        status=order.status,
        reported_filled=order.filled,
        limit_price=order.limit_price,
    )


def _execution(told: gateway_orders.Execution) -> Execution:
    return Execution(
        exec_id=told.exec_id,
        shares=told.quantity,
        price=told.price,
        account=told.account,
        con_id=CON_IDS[told.symbol],
        side=SIDES[told.side],
        client_id=told.client_id,
        order_id=told.order_id,
    )
