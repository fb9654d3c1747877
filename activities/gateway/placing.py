"""Reserving ids, placing, cancelling and watching orders over one session (promises P3 and P8)."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import ib_insync as ibi

from activities.gateway import translation
from activities.gateway.ledger import LedgerOrder
from activities.gateway.session import GatewaySession
from rebalancing.errors import GatewayRenewed, GatewaySettling
from rebalancing.orders.intent_fate import Evidence, Fate, OrderIds, fate_of
from rebalancing.orders.order import Intent, LegOrder, OrderReport, OrderState, refers_to

log = logging.getLogger(__name__)

ACKNOWLEDGE_TIMEOUT: Final = 10.0
"""Seconds for the gateway to say that it has an order, once the last of a leg was written."""

QUIET_PERIOD: Final = timedelta(seconds=4)
"""How long an order may be invisible on a new connection before it counts as never received (rule 4d)."""

BROKER_ZONE: Final = ZoneInfo("US/Eastern")
"""IBKR's day ends at midnight here: its queries do not look further back."""


def trading_day(at: datetime) -> str:
    """IBKR's date at this moment, ``YYYYMMDD``."""
    return at.astimezone(BROKER_ZONE).strftime("%Y%m%d")


class OrderDesk:
    """Turns intents into orders, each at most once."""

    def __init__(
        self,
        session: GatewaySession,
        settling_period: timedelta,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """``settling_period`` keeps a new connection for legs that an earlier one left half sent.

        Order ids must go out in rising order, and a leg cut off by a crash is retried when its heartbeat is missed.
        """
        self._session = session
        self._settling_period = settling_period
        self._clock = clock
        self._looked_up_at = clock()  # the session asked for everything just before it was handed over
        self._asked_again = False
        self._ids = OrderIds(session.next_valid_id)

    def prepare(self, orders: tuple[LegOrder, ...], above: int = 0) -> tuple[Intent, ...]:
        """Reserve an order id for every order of a leg. Sends nothing.

        All are ``above`` the highest id of the intents of this run that were withdrawn: should one of them still reach
        the gateway, it comes under an id that a higher one has overtaken.

        Raises:
            GatewaySettling: the connection is new, and legs cut off by the last one go first.
        """
        self._session.require()
        settling = self._session.connected_at + self._settling_period - self._clock()
        if settling > timedelta():
            raise GatewaySettling(settling)
        return tuple(self._reserve(order, above) for order in orders)

    async def place(
        self, intents: tuple[Intent, ...], confirm: Callable[[], Awaitable[None]], *, never_sent: bool = False
    ) -> tuple[OrderReport, ...]:
        """Place a leg's orders in one visit, adopting those the broker already has.

        An intent that cannot be sent under its id, and certainly never was, comes back as ``NOT_SENT``: it needs a new
        id. One that was certainly never sent and is old by now (promise P11) comes back as ``WITHDRAWN``. One whose
        fate cannot be known comes back as ``UNKNOWN``; it is never sent again (``fate_of``). ``never_sent`` says that
        Temporal has no word that the sending of these intents ever began; ``confirm`` gives it that word.

        Raises:
            SendingUnconfirmed: ``confirm`` failed; nothing was sent.
            GatewayUnavailable: the connection was lost; what was sent until then is looked up on the next one.
        """
        if any(self._fate(intent, never_sent) is Fate.WAIT for intent in intents):
            await self._sit_out_quiet_period()
        if self._some_go_out(intents, never_sent) and not self._asked_again and self._quiet_for() <= 0:
            await self._look_again()
        if self._some_go_out(intents, never_sent):
            await confirm()
        for intent in intents:
            await self._session.room()
            # Judged right before each single send: time passes between two of them, or while the process is frozen.
            if self._fate(intent, never_sent) is Fate.SEND:
                self._send(intent)
        return tuple(self._placed(intent, never_sent) for intent in intents)

    def _some_go_out(self, intents: tuple[Intent, ...], never_sent: bool) -> bool:
        return any(self._fate(intent, never_sent) is Fate.SEND for intent in intents)

    async def acknowledged(self, intents: tuple[Intent, ...], linger: float = 0.0) -> tuple[OrderReport, ...]:
        """Wait until the gateway has answered these orders, which were placed on this connection. Sends nothing.

        Unless one was turned away, it stays ``linger`` seconds longer for them to fill.

        Raises:
            GatewayRenewed: the connection is another one: place them again, which looks them up first.
            GatewayUnavailable: the connection is lost.
        """
        self._session.require()
        if any(self._session.ledger.find(intent.ref) is None for intent in intents):
            raise GatewayRenewed
        await self._acknowledged([intent for intent in intents if self._session.ledger.holds(intent.ref)])
        turned_away = [intent for intent in intents if not self._session.ledger.holds(intent.ref)]
        for intent in turned_away:
            self._ids.note_used_before(intent.order_id)
        return await self.finished(intents, 0.0 if turned_away else linger)

    async def look_up(self, intents: tuple[Intent, ...]) -> tuple[OrderReport, ...]:
        """What the broker has of these intents, which were placed before; sends no order.

        On a new connection it waits for what may be listed late.
        """
        self._session.require()
        if self._quiet_for() > 0 and not all(self._session.ledger.holds(intent.ref) for intent in intents):
            await self._sit_out_quiet_period()
        return tuple(self._report(intent) for intent in intents)

    async def cancel(self, intents: tuple[Intent, ...], timeout: float) -> tuple[OrderReport, ...]:
        """Cancel what still works of these intents and wait for the broker to confirm it."""
        for intent in intents:
            if self._session.ledger.report(intent).state is OrderState.WORKING:
                self._cancel(intent.order_id)
        return await self.finished(intents, timeout)

    async def cancel_open(self, account: str, timeout: float) -> tuple[str, ...]:
        """Cancel the account's working orders that this client placed; return the refs of those still working.

        Orders of other clients are left alone: they cannot be cancelled by id (10147).
        """
        for order in self._own_open_orders(account):
            self._cancel(order.order_id)
        deadline = asyncio.get_running_loop().time() + timeout
        while remaining := self._own_open_orders(account):
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0:
                break
            self._session.require()
            await self._session.wait_changed(left)
        return tuple(order.ref for order in remaining)

    async def finished(self, intents: tuple[Intent, ...], timeout: float) -> tuple[OrderReport, ...]:
        """Wait until no intent works any more, or ``timeout`` seconds are over.

        Raises:
            GatewayUnavailable: the connection was lost; what has happened is read again on the next one.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        while True:
            self._session.require()
            left = deadline - loop.time()
            if left <= 0 or not any(self._may_change(intent) for intent in intents):
                return tuple(self._report(intent) for intent in intents)
            quiet = self._quiet_for()
            await self._session.wait_changed(min(left, quiet) if quiet > 0 else left, intents[0].account)

    def _may_change(self, intent: Intent) -> bool:
        """Whether more may be heard of an order; on a new connection one that is listed late may still turn up."""
        state = self._session.ledger.state(intent)
        if state is OrderState.NOT_SENT and not self._ids.reserved(intent):
            return self._quiet_for() > 0
        return state is OrderState.WORKING

    def _own_open_orders(self, account: str) -> list[LedgerOrder]:
        return [order for order in self._session.ledger.open_orders(account) if self._session.places(order)]

    def _reserve(self, order: LegOrder, above: int) -> Intent:
        client = self._session.ib.client
        # Requests are numbered by the same counter, and errors name only the number: one number is never both. A
        # gateway that rolled its count back offers used ids again: those that it tells are passed over.
        lowest = max(client.getReqId(), self._highest_told() + 1, above + 1)
        order_id = self._ids.reserve(order.ref, at_least=lowest)
        client.updateReqId(order_id + 1)
        return Intent(
            **order.model_dump(),
            order_id=order_id,
            trading_day=trading_day(self._clock()),
        )

    def _highest_told(self) -> int:
        """The highest id the gateway named for an order of ours. Completed orders are listed without theirs."""
        return self._session.ledger.highest_id(self._session.address.client_id)

    def _fate(self, intent: Intent, never_sent: bool) -> Fate:
        return fate_of(self._evidence(intent, never_sent))

    def _evidence(self, intent: Intent, never_sent: bool) -> Evidence:
        session, now = self._session, self._clock()
        holder = session.ledger.holder_of(session.address.client_id, intent.order_id)
        return Evidence(
            found=session.ledger.holds(intent.ref),
            never_sent=never_sent or self._ids.reserved(intent),
            staleness=intent.figures.staleness(session.name, now),
            id_taken=holder is not None and not refers_to(holder, intent.ref),
            has_rival=session.ledger.has_rival(intent, session.address.client_id),
            order_id=intent.order_id,
            highest_sent=self._ids.highest_sent,
            next_valid_id=self._ids.next_valid_id,
            trading_day=intent.trading_day,
            today=trading_day(now),
            position_before=intent.position_before,
            position_now=self._position(intent),
            quiet_period_over=self._quiet_for() <= 0,
        )

    async def _sit_out_quiet_period(self) -> None:
        while (left := self._quiet_for()) > 0:  # noqa: ASYNC110  # a timer may ring before the clock is there
            await asyncio.sleep(left)
        await self._look_again()

    async def _look_again(self) -> None:
        """Ask for everything once more: what the last connection sent may be listed late on this one."""
        await self._session.refresh_orders()
        self._asked_again = True

    def _quiet_for(self) -> float:
        """Seconds left of the quiet period."""
        return (self._looked_up_at + QUIET_PERIOD - self._clock()).total_seconds()

    def _placed(self, intent: Intent, never_sent: bool) -> OrderReport:
        """What became of an intent in this visit."""
        evidence, report = self._evidence(intent, never_sent), self._session.ledger.report(intent)
        match fate_of(evidence):
            case Fate.ADOPT:
                return report
            case Fate.SEND | Fate.NEW_ID:
                return report.model_copy(update={"state": OrderState.NOT_SENT})
            case Fate.WITHDRAW:
                reason = evidence.obsolete or "the connection was made anew since the account was read"
                log.info("withdrew %s, which was never sent: %s", intent.ref, reason)
                return report.model_copy(update={"state": OrderState.WITHDRAWN, "reason": reason})
            case Fate.WAIT | Fate.UNKNOWN:
                return self._report(intent)

    def _report(self, intent: Intent) -> OrderReport:
        report = self._session.ledger.report(intent)
        if report.state is not OrderState.NOT_SENT or self._ids.reserved(intent):
            return report
        reason = (
            f"order {intent.order_id} ({intent.side} {intent.quantity} {intent.symbol}) was reserved before the last "
            "reconnect and the broker lists it nowhere. Look for it in TWS (trade log) before deciding."
        )
        return report.model_copy(update={"state": OrderState.UNKNOWN, "reason": reason})

    def _position(self, order: LegOrder) -> int:
        positions = self._session.positions.of(order.account)
        return next((int(held.position) for held in positions if held.contract.conId == order.con_id), 0)

    def _send(self, intent: Intent) -> None:
        """Write the order to the socket: there must be room, or it would go out later than it was judged."""
        client_id = self._session.address.client_id
        self._session.ledger.note_sent(intent, client_id)
        self._ids.note_sent(intent.order_id)
        self._session.ib.placeOrder(translation.contract(intent), translation.order(intent, client_id))
        order = f"{intent.side} {intent.quantity} {intent.symbol} {intent.order_type}"
        log.info("%s: sent %s, order %d (%s)", intent.account, order, intent.order_id, intent.ref)

    def _cancel(self, order_id: int) -> None:
        self._session.ib.cancelOrder(ibi.Order(orderId=order_id, clientId=self._session.address.client_id))

    async def _acknowledged(self, sent: list[Intent]) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + ACKNOWLEDGE_TIMEOUT
        while waiting := [intent for intent in sent if not self._session.ledger.acknowledged(intent.ref)]:
            left = deadline - loop.time()
            if left <= 0:
                # One way to recover: on a fresh connection, where the three queries tell what there is.
                self._session.abandon(
                    f"it did not acknowledge {len(waiting)} orders of account {waiting[0].account} within "
                    f"{ACKNOWLEDGE_TIMEOUT:g} s; they are looked up before anything else is sent"
                )
            self._session.require()
            await self._session.wait_changed(left, waiting[0].account)
