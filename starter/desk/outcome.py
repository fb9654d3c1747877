"""What came of a request for a rebalance, once it is over."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from temporalio.client import Client, WorkflowHandle

from contract.messages import RunResult
from contract.status import Status
from rebalancing.errors import RebalancerError
from rebalancing.outcomes import Outcome
from rebalancing.triggers import EventRecord, EventStatus, Trigger
from starter.desk.latest_run import ending_of, handle_of, has_ended, query_status

POLL_INTERVAL: Final = 0.25
"""Seconds between two looks at a rebalance that is waited for."""

OVER: Final = frozenset(EventStatus) - {EventStatus.PENDING, EventStatus.RUNNING}


class RequestUnknown(RebalancerError):
    """The account's rebalance ended without knowing the request; the message tells how it ended."""


async def outcome_of(
    client: Client, trigger: Trigger, on_status: Callable[[Status | None], object] = lambda _: None
) -> tuple[EventRecord, Outcome | None]:
    """Wait until a request that was delivered is over, telling ``on_status`` at every look where it stands.

    The outcome is that of the latest run; it is ``None`` if a follow-up run has taken its place. A status is ``None``
    where no worker answers.

    Raises:
        RequestUnknown: the run ended without knowing it.
    """
    handle = handle_of(client, trigger.account)
    while True:
        status = await query_status(handle)
        on_status(status)
        record = status.events.find(trigger.event_id, trigger.mode) if status else None
        if record is not None and record.status in OVER:
            return record, await _latest_outcome(handle, trigger)
        if record is None and await has_ended(handle):
            ending = await ending_of(handle)
            raise RequestUnknown(f"{trigger.account}: {ending.status}. {ending.message}")
        await asyncio.sleep(POLL_INTERVAL)


async def _latest_outcome(handle: WorkflowHandle[Any, RunResult], trigger: Trigger) -> Outcome | None:
    ending = await ending_of(handle) if await has_ended(handle) else None
    outcome = ending.outcome if ending else None
    return outcome if outcome is not None and trigger.event_id in outcome.event_ids else None
