"""Giving working limit orders a new price: the same order, under the same id and ref (promise P3).

A modification is ``placeOrder`` once more. To a gateway that does not know the id any more it would be a new order, for
the whole quantity; so it goes out only for an order that the gateway itself reported as working on this connection,
on the day of its intent, and never while the gateway is without IBKR (the session is lost then). What remains is an
order that fills or ends while the change is under way: the gateway answers 104, and the order is as it was.

A lost answer needs no second try: whatever price the order has, it is the one order, within what it was sized for. So
an answer that does not come is followed by asking what there is, and the next repricing goes on from there.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from activities.gateway.ledger import LedgerOrder
from activities.gateway.order_desk import PERMISSION_LIFETIME, OrderDesk
from activities.gateway.quote_feed import QuoteFeed
from activities.gateway.session import GatewaySession
from rebalancing.market.quote_checks import quote_problems
from rebalancing.market.snapshot import Quote
from rebalancing.orders.order import Intent, OrderReport, Side
from rebalancing.settings import QuoteSettings

QUOTES_FRESH: Final = PERMISSION_LIFETIME
"""How long after its quotes were read a visit may still change prices by them, and by the permission that it asked for
then (``order_desk.PERMISSION_LIFETIME``); it takes a second at most."""

ANSWER_TIMEOUT: Final = 5.0
"""Seconds for the gateway to say that an order has its new price; then it is asked."""


@dataclass(frozen=True)
class Repricer:
    """Changes the prices of a leg's limit orders in one visit, by quotes read in the same visit."""

    _session: GatewaySession
    _desk: OrderDesk
    _quotes: QuoteFeed
    _settings: QuoteSettings

    async def reprice(
        self, intents: tuple[Intent, ...], permission: Callable[[], Awaitable[str]]
    ) -> tuple[OrderReport, ...]:
        """Bring the limits of what still works up to the market, and report on all of the intents.

        An order keeps its price where the market has not moved, and where its quote is none to trade by (missing, old,
        crossed, far off); none gets a price beyond what the order was sized with. ``permission`` answers what lets
        nothing go out, empty where nothing does: while trading is held all limits stay as they are.

        Raises:
            GatewayUnavailable, GatewayTimeout, HaltsUnread: trying again is safe, it changes the same orders.
        """
        await self._desk.look_up(intents)
        working = [intent for intent in intents if self._desk.may_reprice(intent)]
        if working:
            quotes = await self._quotes.quotes({intent.symbol: intent.con_id for intent in working})
            answered = {intent.ref: self._answers(intent) for intent in working}
            changes = await self._changed(working, quotes, permission)
            await self._heard(changes, answered)
        return await self._desk.look_up(intents)

    async def _changed(
        self, working: list[Intent], quotes: dict[str, Quote], permission: Callable[[], Awaitable[str]]
    ) -> list[tuple[Intent, Decimal]]:
        """Send the changes there are to be, one by one, each judged right before its bytes.

        An order may have ended since the quotes were read, and a process that was frozen since changes nothing by them
        (promise P11), nor by a permission of before.
        """
        read_at, changes = datetime.now(UTC), list[tuple[Intent, Decimal]]()
        if await permission():
            return changes
        for intent in working:
            await self._session.room()
            price = self._new_price(intent, quotes)
            is_fresh = datetime.now(UTC) - read_at < QUOTES_FRESH
            if price is not None and is_fresh and self._desk.reprice(intent, price):
                changes.append((intent, price))
        return changes

    def _new_price(self, intent: Intent, quotes: dict[str, Quote]) -> Decimal | None:
        rule, order = intent.limit_rule, self._order(intent)
        if rule is None or order is None:
            return None
        quote = quotes[intent.symbol]
        if quote_problems([quote], datetime.now(UTC), self._settings, rule.quotes_needed, frozenset()):
            return None  # nobody trades by such a quote; the next one may be better
        price = rule.price(quote, is_buy=intent.side is Side.BUY)
        return None if price == order.limit_price else price

    async def _heard(self, changes: list[tuple[Intent, Decimal]], answered: dict[str, int]) -> None:
        """Wait until each change shows, was answered with a message, or no longer matters; ask where it was not so."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + ANSWER_TIMEOUT
        while changes and not all(self._is_settled(intent, price) for intent, price in changes):
            refused = any(self._answers(intent) > answered[intent.ref] for intent, _ in changes)
            left = deadline - loop.time()
            if refused or left <= 0:
                await self._session.refresh_orders()
                return
            self._session.require()
            await self._session.wait_changed(left, changes[0][0].account)

    def _is_settled(self, intent: Intent, price: Decimal) -> bool:
        order = self._order(intent)
        return order is None or order.limit_price == price or not order.is_open or order.filled >= intent.quantity

    def _answers(self, intent: Intent) -> int:
        order = self._order(intent)
        return order.answers if order else 0

    def _order(self, intent: Intent) -> LedgerOrder | None:
        return self._session.ledger.find(intent.ref)
