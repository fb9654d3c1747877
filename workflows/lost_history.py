"""Has a live run wait where the broker lists orders of ours that this history does not know (promises P2 and P3).

A database that was lost, torn or put back forgets what was traded. What is held tells that at once, so nothing is
traded twice; what else happened a person must look at first (docs/backup.md).
"""

from collections.abc import Callable
from typing import Final

from temporalio import workflow

from contract.requests import HistoryRequest, SnapshotRequest
from rebalancing.market.snapshot import AccountSnapshot
from rebalancing.orders.placed_order import told_of
from workflows import local_calls
from workflows.gateway import Gateway
from workflows.halts import HaltWait
from workflows.legs import Traded
from workflows.run_state import RunState

LOOKED_BETWEEN_LEGS: Final = "looked-between-legs"
"""Since when a run looks, after a reconnect, whether it was rolled back in the middle."""


class Overtaken(Exception):
    """The broker has orders of this run that its history does not know: it was rolled back, and goes on from there."""


class HistoryWatch:
    """The looking of one rebalance."""

    def __init__(self, account: str, gateway: Gateway, state: RunState, halts: HaltWait) -> None:
        self._account = account
        self._gateway = gateway
        self._state = state
        self._halts = halts

    def asking(self, request: SnapshotRequest) -> SnapshotRequest:
        """The same, which brings the orders of ours of today that this run has not placed."""
        return request.model_copy(update={"known_refs": tuple(sorted(self._state.orders.sent_refs))})

    async def held(self, snapshot: AccountSnapshot, newer_event: Callable[[], bool], *, trading: bool) -> bool:
        """Wait until a person has accepted what this history does not know; whether that was so.

        Then everything is to be read anew. A dry run waits for nothing, and says what there is.
        """
        if not snapshot.placed_orders:
            return False  # as on most days: there was no other rebalance of the account
        run_id = workflow.info().original_execution_run_id
        request = HistoryRequest(account=self._account, run_id=run_id, orders=snapshot.placed_orders, hold=trading)
        unknown = await self._state.step(local_calls.unknown_orders(request))
        if unknown:
            told = f"the broker lists orders of ours that this history does not know: {told_of(unknown)}"
            self._state.reading_notes["history"] = [told]
        return bool(unknown) and trading and await self._halts.until_over(newer_event)

    async def require_whole(
        self, sells: Traded, expected: dict[str, int], request: SnapshotRequest, newer_event: Callable[[], bool]
    ) -> None:
        """Between two legs of which the first was found on a new connection: what followed it then may be lost.

        ``expected`` is what the first leg leaves. Raises ``Overtaken`` once a person has accepted what the broker has,
        or where a person had to say what became of the first leg and something else is held than that explains.
        """
        if not workflow.patched(LOOKED_BETWEEN_LEGS):
            return
        look = await self._gateway.read(self.asking(request), fresh=False)
        if await self.held(look, newer_event, trading=True) or (sells.was_resolved and look.positions != expected):
            raise Overtaken
