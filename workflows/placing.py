"""Gets the orders of a leg to the broker: ids reserved, sending confirmed, answers awaited (promises P3 and P11)."""

from datetime import datetime, timedelta
from typing import Final, NamedTuple

from temporalio import workflow

from contract.requests import SnapshotRequest
from rebalancing import failures
from rebalancing.market.snapshot import AccountSnapshot, ReservedIds
from rebalancing.orders.order import UNSENT, Intent, LegOrder, OrderType, intents_under
from workflows.gateway import Gateway
from workflows.run_orders import RunOrders

MOST_ORDERS_A_VISIT: Final = 24
"""Half a second of the gateway's 50 messages a second: the longest that one account's orders hold up the others'."""

LINGER: Final = timedelta(seconds=8)
"""How long fills of market orders are listened for without a further step of the workflow."""

THIS_MOMENT: Final = timedelta(seconds=1)
"""A snapshot is used as fresh for so long."""

NEW_ID_ROUNDS: Final = 10
"""How often a leg may need new order ids because other accounts' orders went out in between."""


class AccountAfterLeg(NamedTuple):
    """An account as the end of a leg told it, and when: used for what is sized at that very moment."""

    snapshot: AccountSnapshot
    told_at: datetime

    @classmethod
    def of(cls, snapshot: AccountSnapshot | None) -> "AccountAfterLeg | None":
        """What was told just now, if anything was."""
        return cls(snapshot, workflow.now()) if snapshot else None

    @property
    def is_of_this_moment(self) -> bool:
        """Whether it need not be read again."""
        return workflow.now() - self.told_at <= THIS_MOMENT


class PlacedLeg(NamedTuple):
    """The intents that may be at the broker, and the account after it where that was told."""

    intents: tuple[Intent, ...] = ()
    after: AccountAfterLeg | None = None


class Placing:
    """Places the legs of one run."""

    def __init__(self, account: str, gateway: Gateway, orders: RunOrders) -> None:
        self._account = account
        self._gateway = gateway
        self._orders = orders

    async def place(
        self, orders: tuple[LegOrder, ...], reading: SnapshotRequest, ids: ReservedIds | None = None
    ) -> PlacedLeg:
        """Place a leg: in one visit, unless it has so many orders that others would wait for it.

        Once an intent was withdrawn, what follows is as old and not sent. ``reading`` is how the account is read: the
        end of a leg can tell that too. ``ids`` were reserved with the reading that the leg was sized by.
        """
        placed = PlacedLeg()
        for start in range(0, len(orders), MOST_ORDERS_A_VISIT):
            if any(order.ref in self._orders.withdrawn for order in orders):
                break
            part, is_last = orders[start : start + MOST_ORDERS_A_VISIT], start + MOST_ORDERS_A_VISIT >= len(orders)
            fill_soon = is_last and all(order.order_type is OrderType.MARKET for order in part)
            numbered = self._numbered(part, ids) if start == 0 else ()
            last = await self._place_together(part, numbered, LINGER if fill_soon else timedelta(), reading)
            placed = PlacedLeg(placed.intents + last.intents, last.after)
        return placed

    def _numbered(self, orders: tuple[LegOrder, ...], ids: ReservedIds | None) -> tuple[Intent, ...]:
        """The intents of these orders under ids that are reserved already, if there are such."""
        if ids is None or ids.count < len(orders) or ids.first <= self._orders.highest_withdrawn_id:
            return ()
        return intents_under(ids, orders)

    async def _place_together(
        self, orders: tuple[LegOrder, ...], numbered: tuple[Intent, ...], linger: timedelta, reading: SnapshotRequest
    ) -> PlacedLeg:
        """Reserve ids unless the orders are ``numbered``, then place; one that was overtaken unsent gets a new id.

        Once the gateway has answered, fills are listened for ``linger`` longer: then most legs are over already.
        """
        placed: tuple[Intent, ...] = ()
        remaining = orders
        for tries in range(NEW_ID_ROUNDS):
            intents = numbered or await self._gateway.prepare(remaining, self._orders.highest_withdrawn_id)
            numbered = ()
            self._orders.expect(intents)
            said = await self._gateway.place(intents, linger, reading, overtaken=tries > 0)
            unsent = {report.ref: report for report in said.reports if report.state in UNSENT}
            self._orders.drop(unsent.values())
            self._orders.note(report for report in said.reports if report.ref not in unsent)
            placed += tuple(intent for intent in intents if intent.ref not in unsent)
            remaining = tuple(o for o in remaining if o.ref in unsent and o.ref not in self._orders.withdrawn)
            if not remaining:
                return PlacedLeg(placed, AccountAfterLeg.of(said.snapshot))
        raise failures.OrderIdsOvertaken(
            self._account,
            f"{len(remaining)} orders could not be sent, because the order ids reserved for "
            "them were overtaken again and again. Start the rebalance again.",
        )
