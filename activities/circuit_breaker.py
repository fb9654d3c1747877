"""Pauses a strategy of which too many rebalances in a row went wrong, before the next account follows them.

The row is kept where everything is: in a workflow that does nothing, and is sent each failure as a signal. That counts
exactly whichever worker ran the rebalances, and a rebalance that goes through ends it.
"""

from collections.abc import Sequence
from typing import Final

from temporalio import activity
from temporalio.api.common.v1 import Payload
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from contract.activities import CircuitBreakerContract
from contract.encryption import PayloadKeyUnknown
from contract.halts import CIRCUIT_BREAKER, HALTS_QUEUE, set_halt, strategy_pause_id
from contract.requests import Verdict

FAILURES_WORKFLOW_TYPE: Final = "FailuresInARow"
FAILED_SIGNAL: Final = "failed"

WHO: Final = CIRCUIT_BREAKER
LONGEST_REASON: Final = 150
"""Characters of one failure that the reason of the pause quotes; the run itself has all of it."""


class CircuitBreaker(CircuitBreakerContract):
    """Counts failures by strategy."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @activity.defn
    async def judge(self, verdict: Verdict) -> bool:
        """Count one rebalance; whether its strategy is paused now. Raises ``RPCError``; trying again is safe."""
        row = f"failures-strategy-{verdict.strategy}"
        if not verdict.failure:
            await self._end(row, f"{verdict.account} went through")
            return False
        await self._client.start_workflow(
            FAILURES_WORKFLOW_TYPE,
            id=row,
            task_queue=HALTS_QUEUE,
            start_signal=FAILED_SIGNAL,
            start_signal_args=[verdict],
            static_summary=f"Rebalances of {verdict.strategy} that went wrong, one after the other",
        )
        failed = await self._failed(row)
        if len(failed) < verdict.limit:
            return False
        told = "; ".join(f"{account}: {reason[:LONGEST_REASON]}" for account, reason in failed.values())
        reason = f"{len(failed)} rebalances in a row went wrong: {told}"
        await set_halt(self._client, strategy_pause_id(verdict.strategy), WHO, reason)
        await self._end(row, "the strategy was paused; whoever lets it go on begins anew")
        return True

    async def _failed(self, row: str) -> dict[str, tuple[str, str]]:
        """Account and reason of each failed run, by its id."""
        failed: dict[str, tuple[str, str]] = {}
        async for event in self._client.get_workflow_handle(row).fetch_history_events():
            signal = event.workflow_execution_signaled_event_attributes
            verdict = await self._verdict(signal.input.payloads) if signal.signal_name == FAILED_SIGNAL else None
            if verdict is not None:
                failed[verdict.run_id] = verdict.account, verdict.failure
        return failed

    async def _verdict(self, payloads: Sequence[Payload]) -> Verdict | None:
        """What a signal says; ``None`` for one that somebody sent by hand and that says nothing."""
        try:
            (verdict,) = await self._client.data_converter.decode(payloads, [Verdict])
        except PayloadKeyUnknown:  # one of ours that must be counted
            raise
        except Exception:  # a converter may raise anything
            return None
        return verdict

    async def _end(self, row: str, reason: str) -> None:
        try:
            await self._client.get_workflow_handle(row).terminate(reason=reason)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
