"""Holds an account's trading where the broker lists orders of ours that this history does not know."""

from temporalio import activity
from temporalio.client import Client

from contract.activities import HistoryContract
from contract.halts import LOST_HISTORY, history_pause_id, set_halt
from contract.requests import HistoryRequest
from contract.restored_history import unknown_orders
from rebalancing.orders.placed_order import PlacedOrder, told_of


class LostHistory(HistoryContract):
    """Asks the server which runs it knows."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @activity.defn
    async def unknown_orders(self, request: HistoryRequest) -> tuple[PlacedOrder, ...]:
        """Those of the orders that this history does not know; where asked to, nothing is sent until they are accepted.

        Raises ``RPCError``: trying again helps.
        """
        unknown = await unknown_orders(self._client, request.account, request.orders, request.run_id)
        if unknown and request.hold:
            reason = f"the broker lists orders of ours of today that this history does not know: {told_of(unknown)}"
            await set_halt(self._client, history_pause_id(request.account), LOST_HISTORY, reason)
        return unknown
