"""Reserving ids, placing, repricing, cancelling and watching orders over one connection (promises P3 and P8)."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import ClassVar, Final, Protocol

from activities.gateway.intent_judge import IntentJudge
from activities.gateway.ledger import LedgerOrder, OrderLedger
from rebalancing.errors import GatewayRenewed, GatewaySettling
from rebalancing.market.snapshot import ReservedIds
from rebalancing.orders.intent_fate import Evidence, Fate
from rebalancing.orders.order import Intent, LegOrder, OrderReport, OrderState, intents_under

log = logging.getLogger(__name__)

ACKNOWLEDGE_TIMEOUT: Final = 10.0
"""Seconds for the gateway to say that it has an order, once the last of a leg was written."""


PERMISSION_LIFETIME: Final = timedelta(seconds=10)
"""How long after permission was asked for orders may go out by it; a leg takes half a second. So whoever sets a halt
knows that nothing is sent after this time, whatever has become of the worker."""

PERMISSION_OVER: Final = "the word that orders may go out was old before they did"


class OrderConnection(Protocol):
    """What the desk needs of a connection to the gateway. ``GatewaySession`` is one over a socket."""

    ledger: OrderLedger
    connected_at: datetime
    next_valid_id: int
    name: str

    @property
    def client_id(self) -> int:
        """The id by which the gateway knows this client."""
        ...

    def require(self) -> None:
        """Raise ``GatewayUnavailable`` if the connection is lost."""

    def abandon(self, reason: str) -> None:
        """Give the connection up; the next one asks for everything again."""

    async def room(self) -> None:
        """Wait until a message would be written at once; raise ``GatewayUnavailable`` if the connection is lost."""

    async def refresh_orders(self) -> None:
        """Ask again for all open orders, completed orders and executions."""

    async def wait_changed(self, timeout: float, account: str | None = None) -> None:
        """Return when orders (of this account) have changed, or ``timeout`` seconds are over."""

    def shares(self, account: str, con_id: int) -> int:
        """What the account holds of a contract, in whole shares."""
        ...

    def free_number(self) -> int:
        """A number above all that requests and orders of this connection have."""
        ...

    def pass_number(self, number: int) -> None:
        """This number is given to an order: requests get higher ones."""

    def send_order(self, intent: Intent) -> None:
        """Write the order to the socket."""

    def change_order(self, intent: Intent, price: Decimal) -> None:
        """Write the same order with another limit to the socket."""

    def cancel_order(self, order_id: int) -> None:
        """Write the cancellation of an order to the socket."""


class OrderDesk:
    """Turns intents into orders, each at most once."""

    judge_class: ClassVar[type[IntentJudge]] = IntentJudge

    def __init__(
        self,
        connection: OrderConnection,
        settling_period: timedelta,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """``settling_period`` keeps a new connection for legs that an earlier one left half sent.

        Order ids must go out in rising order, and a leg cut off by a crash is retried when its heartbeat is missed.
        """
        self._connection = connection
        self._settling_period = settling_period
        self._clock = clock
        self._ledger = connection.ledger
        self._asked_again = False
        # The connection asked for everything just before it was handed over.
        self._judge = self.judge_class(
            connection.name, connection.client_id, connection.ledger, connection.next_valid_id, clock()
        )

    def prepare(self, orders: tuple[LegOrder, ...], above: int = 0) -> tuple[Intent, ...]:
        """Reserve an order id for every order of a leg. Sends nothing.

        All are ``above`` the highest id of the intents of this run that were withdrawn: should one of them still reach
        the gateway, it comes under an id that a higher one has overtaken.

        Raises:
            GatewaySettling: the connection is new, and legs cut off by the last one go first.
        """
        self._connection.require()
        if (settling := self._settling()) > timedelta():
            raise GatewaySettling(settling)
        return intents_under(self._reserve(len(orders), above), orders)

    def reserve(self, count: int) -> ReservedIds | None:
        """Reserve ids for a leg that is sized by what is read just now; none while the connection is new."""
        return self._reserve(count, 0) if count and self._settling() <= timedelta() else None

    async def place(
        self, intents: tuple[Intent, ...], permission: Callable[[], Awaitable[str]], *, never_sent: bool = False
    ) -> tuple[OrderReport, ...]:
        """Place a leg's orders in one visit, adopting those the broker already has.

        An intent that cannot be sent under its id, and certainly never was, comes back as ``NOT_SENT``: it needs a new
        id. One that was certainly never sent and is old by now (promise P11) comes back as ``WITHDRAWN``. One whose
        fate cannot be known comes back as ``UNKNOWN``; it is never sent again (``fate_of``). ``never_sent`` says that
        Temporal has no word that the sending of these intents ever began; ``permission`` gives it that word, or answers
        what lets no order go out: then, too, what was certainly never sent is withdrawn.

        Raises:
            HaltsUnread, SendingUnconfirmed: ``permission`` could not be had; nothing was sent.
            GatewayUnavailable: the connection was lost; what was sent until then is looked up on the next one.
        """
        if any(self._fate(intent, never_sent) is Fate.WAIT for intent in intents):
            await self._sit_out_quiet_period()
        if self._some_go_out(intents, never_sent) and not self._asked_again and self._quiet_for() <= 0:
            await self._look_again()
        held_by = ""
        if self._some_go_out(intents, never_sent):
            asked_at = self._clock()
            held_by = await permission()
            for intent in intents:
                await self._connection.room()
                # Judged right before each single send: time passes between two, or while the process is frozen.
                if self._clock() - asked_at > PERMISSION_LIFETIME:
                    held_by = held_by or PERMISSION_OVER
                if self._fate(intent, never_sent, held_by) is Fate.SEND:
                    self._send(intent)
        return tuple(self._placed(intent, never_sent, held_by) for intent in intents)

    def _some_go_out(self, intents: tuple[Intent, ...], never_sent: bool) -> bool:
        return any(self._fate(intent, never_sent) is Fate.SEND for intent in intents)

    async def acknowledged(self, intents: tuple[Intent, ...], linger: float = 0.0) -> tuple[OrderReport, ...]:
        """Wait until the gateway has answered these orders, which were placed on this connection. Sends nothing.

        Unless one was turned away, it stays ``linger`` seconds longer for them to fill.

        Raises:
            GatewayRenewed: the connection is another one: place them again, which looks them up first.
            GatewayUnavailable: the connection is lost.
        """
        self._connection.require()
        if any(self._ledger.find(intent.ref) is None for intent in intents):
            raise GatewayRenewed
        await self._acknowledged([intent for intent in intents if self._ledger.holds(intent.ref)])
        turned_away = [intent for intent in intents if not self._ledger.holds(intent.ref)]
        for intent in turned_away:
            self._judge.note_turned_away(intent)
        return await self.finished(intents, 0.0 if turned_away else linger)

    async def look_up(self, intents: tuple[Intent, ...]) -> tuple[OrderReport, ...]:
        """What the broker has of these intents, which were placed before; sends no order.

        On a new connection it waits for what may be listed late.
        """
        self._connection.require()
        if self._quiet_for() > 0 and not all(self._ledger.holds(intent.ref) for intent in intents):
            await self._sit_out_quiet_period()
        return tuple(self._judge.report(intent) for intent in intents)

    def may_reprice(self, intent: Intent) -> bool:
        """Whether the intent's order is certainly there, so that a new price for it is no second order."""
        return self._judge.may_reprice(intent, self._clock())

    def reprice(self, intent: Intent, price: Decimal) -> bool:
        """Write the order's new limit to the socket, where there must be room; whether it still may get one."""
        if not self.may_reprice(intent):
            return False
        self._judge.note_repriced(intent)
        self._connection.change_order(intent, price)
        log.info("%s: repriced %s %s to %s (%s)", intent.account, intent.side, intent.symbol, price, intent.ref)
        return True

    async def cancel(self, intents: tuple[Intent, ...], timeout: float) -> tuple[OrderReport, ...]:
        """Cancel what still works of these intents and wait for the broker to confirm it."""
        for intent in intents:
            if self._ledger.report(intent).state is OrderState.WORKING:
                self._connection.cancel_order(intent.order_id)
        return await self.finished(intents, timeout)

    async def cancel_open(self, account: str, timeout: float) -> tuple[str, ...]:
        """Cancel the account's working orders that this client placed; return the refs of those still working.

        Orders of other clients are left alone: they cannot be cancelled by id (10147).
        """
        for order in self._own_open_orders(account):
            self._connection.cancel_order(order.order_id)
        deadline = asyncio.get_running_loop().time() + timeout
        while remaining := self._own_open_orders(account):
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0:
                break
            self._connection.require()
            await self._connection.wait_changed(left)
        return tuple(order.ref for order in remaining)

    async def finished(self, intents: tuple[Intent, ...], timeout: float) -> tuple[OrderReport, ...]:
        """Wait until no intent works any more, or ``timeout`` seconds are over.

        Raises:
            GatewayUnavailable: the connection was lost; what has happened is read again on the next one.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        while True:
            self._connection.require()
            left = deadline - loop.time()
            if left <= 0 or not any(self._judge.may_change(intent, self._clock()) for intent in intents):
                return tuple(self._judge.report(intent) for intent in intents)
            quiet = self._quiet_for()
            await self._connection.wait_changed(min(left, quiet) if quiet > 0 else left, intents[0].account)

    def _own_open_orders(self, account: str) -> list[LedgerOrder]:
        return [order for order in self._ledger.open_orders(account) if order.is_placed_by(self._connection.client_id)]

    def _settling(self) -> timedelta:
        """How much longer new legs wait for those that the last connection left half sent."""
        return self._connection.connected_at + self._settling_period - self._clock()

    def _reserve(self, count: int, above: int) -> ReservedIds:
        # Requests are numbered by the same counter, and errors name only the number: one number is never both.
        lowest = max(self._connection.free_number(), above + 1)
        ids = self._judge.reserve(count, self._clock(), at_least=lowest)
        self._connection.pass_number(ids.first + count - 1)
        return ids

    def _fate(self, intent: Intent, never_sent: bool, held_by: str = "") -> Fate:
        return self._judge.fate(self._evidence(intent, never_sent, held_by))

    def _evidence(self, intent: Intent, never_sent: bool, held_by: str) -> Evidence:
        position = self._connection.shares(intent.account, intent.con_id)
        return self._judge.evidence(intent, position, self._clock(), never_sent=never_sent, held_by=held_by)

    async def _sit_out_quiet_period(self) -> None:
        while (left := self._quiet_for()) > 0:
            self._connection.require()
            await self._connection.wait_changed(left)
        await self._look_again()

    async def _look_again(self) -> None:
        """Ask for everything once more: what the last connection sent may be listed late on this one."""
        await self._connection.refresh_orders()
        self._asked_again = True

    def _quiet_for(self) -> float:
        """Seconds left of the quiet period."""
        return self._judge.quiet_for(self._clock())

    def _placed(self, intent: Intent, never_sent: bool, held_by: str) -> OrderReport:
        """What became of an intent in this visit."""
        report = self._judge.placed(intent, self._evidence(intent, never_sent, held_by))
        if report.state is OrderState.WITHDRAWN:
            log.info("withdrew %s, which was never sent: %s", intent.ref, report.reason)
        return report

    def _send(self, intent: Intent) -> None:
        """Write the order to the socket: there must be room, or it would go out later than it was judged."""
        self._judge.note_sent(intent)
        self._connection.send_order(intent)
        order = f"{intent.side} {intent.quantity} {intent.symbol} {intent.order_type}"
        log.info("%s: sent %s, order %d (%s)", intent.account, order, intent.order_id, intent.ref)

    async def _acknowledged(self, sent: list[Intent]) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + ACKNOWLEDGE_TIMEOUT
        while waiting := [intent for intent in sent if not self._ledger.acknowledged(intent.ref)]:
            left = deadline - loop.time()
            if left <= 0:
                # One way to recover: on a fresh connection, where the three queries tell what there is.
                self._connection.abandon(
                    f"it did not acknowledge {len(waiting)} orders of account {waiting[0].account} within "
                    f"{ACKNOWLEDGE_TIMEOUT:g} s; they are looked up before anything else is sent"
                )
            self._connection.require()
            await self._connection.wait_changed(left, waiting[0].account)
