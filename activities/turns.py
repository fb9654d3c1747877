"""A turn: a worker slot that one rebalance holds from its first reading to its end."""

import asyncio

from temporalio import activity
from temporalio.client import Client

from activities.heartbeat import heartbeating
from contract.activities import TurnContract
from contract.names import TURN_SIGNAL
from contract.requests import TurnRequest


class TurnActivities(TurnContract):
    """Runs on the queue ``rebalance-turns``, whose worker has as many slots as rebalances may run at once."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @activity.defn
    async def hold_turn(self, request: TurnRequest) -> None:
        """Tell the workflow that its turn has come, and hold the slot until it gives the turn back by cancelling."""
        async with heartbeating():
            await self._client.get_workflow_handle(request.workflow_id, run_id=request.run_id).signal(TURN_SIGNAL)
            await asyncio.Event().wait()
