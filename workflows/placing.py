"""Gets the orders of a leg to the broker: ids reserved, sending confirmed, answers awaited (promises P3 and P11)."""

from datetime import timedelta
from typing import Final

from temporalio import workflow
from temporalio.exceptions import ActivityError

from contract.requests import AcknowledgeRequest, PlaceRequest, PrepareRequest, SnapshotRequest
from rebalancing import failures
from rebalancing.market.snapshot import AccountSnapshot
from rebalancing.orders.order import Intent, LegOrder, OrderReport, OrderState, OrderType
from rebalancing.settings import Settings
from workflows import calls
from workflows.patience import Patience
from workflows.run_orders import RunOrders

MOST_ORDERS_A_VISIT: Final = 24
"""Half a second of the gateway's 50 messages a second: the longest that one account's orders hold up the others'."""

LINGER: Final = timedelta(seconds=8)
"""How long fills of market orders are listened for without a further step of the workflow."""

THIS_MOMENT: Final = timedelta(seconds=1)
"""A snapshot is used as fresh for so long."""

NEW_ID_ROUNDS: Final = 10
"""How often a leg may need new order ids because other accounts' orders went out in between."""

UNSENT: Final = (OrderState.NOT_SENT, OrderState.WITHDRAWN)
"""States of an intent that certainly never became an order."""


class Placing:
    """Places legs of one run. ``reading`` is how the account is read: the end of a leg can tell that too."""

    def __init__(self, account: str, settings: Settings, patience: Patience, orders: RunOrders) -> None:
        self.reading: SnapshotRequest | None = None
        self._account = account
        self._settings = settings
        self._patience = patience
        self._orders = orders
        self._snapshot: AccountSnapshot | None = None
        self._snapshot_at = workflow.now()

    def snapshot_after(self) -> AccountSnapshot | None:
        """The account as it was told with the end of the last leg, if that is this very moment; given once."""
        snapshot, self._snapshot = self._snapshot, None
        return snapshot if workflow.now() - self._snapshot_at <= THIS_MOMENT else None

    async def place(self, orders: tuple[LegOrder, ...]) -> tuple[Intent, ...]:
        """Place a leg: in one visit, unless it has so many orders that others would wait for it.

        Gives back the intents that may be at the broker. Once one was withdrawn, what follows is as old and not sent.
        """
        self._snapshot = None
        placed: tuple[Intent, ...] = ()
        for start in range(0, len(orders), MOST_ORDERS_A_VISIT):
            if any(order.ref in self._orders.withdrawn for order in orders):
                break
            part, is_last = orders[start : start + MOST_ORDERS_A_VISIT], start + MOST_ORDERS_A_VISIT >= len(orders)
            fill_soon = is_last and all(order.order_type is OrderType.MARKET for order in part)
            placed += await self._place_together(part, LINGER if fill_soon else timedelta())
        return placed

    async def _place_together(self, orders: tuple[LegOrder, ...], linger: timedelta) -> tuple[Intent, ...]:
        """Reserve ids, then place; an intent whose id was overtaken before it was sent gets a new one.

        Once the gateway has answered, fills are listened for ``linger`` longer: then most legs are over already.
        """
        placed: tuple[Intent, ...] = ()
        remaining = orders
        for tries in range(NEW_ID_ROUNDS):
            request = PrepareRequest(orders=remaining, above=self._orders.highest_withdrawn_id)
            intents = await self._patience.at_gateway(
                lambda request=request: calls.prepare_leg(self._settings, request)
            )
            self._orders.expect(intents)
            reports = await self._place_intents(intents, linger, overtaken=tries > 0)
            unsent = {report.ref: report for report in reports if report.state in UNSENT}
            self._orders.drop(unsent.values())
            self._orders.note(report for report in reports if report.ref not in unsent)
            placed += tuple(intent for intent in intents if intent.ref not in unsent)
            remaining = tuple(o for o in remaining if o.ref in unsent and o.ref not in self._orders.withdrawn)
            if not remaining:
                return placed
        raise failures.OrderIdsOvertaken(
            self._account,
            f"{len(remaining)} orders could not be sent, because the order ids reserved for "
            "them were overtaken again and again. Start the rebalance again.",
        )

    async def _place_intents(
        self, intents: tuple[Intent, ...], linger: timedelta, *, overtaken: bool
    ) -> tuple[OrderReport, ...]:
        # A reset workflow schedules anew what it may have done before.
        info = workflow.info()
        never_sent = info.run_id == info.original_execution_run_id
        reports: dict[str, OrderReport] = {}

        async def place() -> None:
            """Again after the connection was lost; what was certainly not sent the first time is left as it is."""
            nonlocal never_sent
            to_place = tuple(i for i in intents if i.ref not in reports or reports[i.ref].state not in UNSENT)
            request = PlaceRequest(intents=to_place, never_sent=never_sent)
            try:
                placed = await calls.place_leg(self._settings, request, overtaken=overtaken)
            except ActivityError as error:
                never_sent = never_sent and not calls.sending_began(error)
                raise
            never_sent = False
            reports.update((report.ref, report) for report in placed)
            working = tuple(intent for intent in to_place if reports[intent.ref].state is OrderState.WORKING)
            if working:
                request = AcknowledgeRequest(intents=working, timeout=linger.total_seconds(), reading=self.reading)
                acknowledged = await calls.acknowledge_leg(self._settings, request)
                reports.update((report.ref, report) for report in acknowledged.reports)
                self._snapshot, self._snapshot_at = acknowledged.snapshot, workflow.now()

        await self._patience.at_gateway(place)
        return tuple(reports.values())
