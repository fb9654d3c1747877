"""What came of a request for a rebalance, once it is over."""

import asyncio
from collections.abc import Callable, Collection
from typing import Any, Final

from temporalio.client import Client, WorkflowHandle

from contract.messages import RunResult
from contract.status import Status
from rebalancing.errors import RebalancerError
from rebalancing.outcomes import Outcome, Phase
from rebalancing.triggers import EventRecord, EventStatus, ExecutionMode, Trigger
from starter.desk.account_status import FOR_A_PERSON
from starter.desk.latest_run import ending_of, handle_of, has_ended, query_status

POLL_INTERVAL: Final = 0.25
"""Seconds between two looks at a rebalance that is waited for."""

LONG_WAITS: Final = FOR_A_PERSON | {Phase.WAITING_FOR_MARKET}
"""What is certain to last longer than anybody waits at a socket."""

OVER: Final = frozenset(EventStatus) - {EventStatus.PENDING, EventStatus.RUNNING}


class RequestUnknown(RebalancerError):
    """The account's rebalance ended without knowing the request; the message tells how it ended.

    Do: ``rebalancer history ACCOUNT`` shows what the account did instead; ask again if it is still wanted, with the
    same ``--event-id`` if you gave one.
    """


class RequestRefused(RequestUnknown):
    """The request does not count as what it asked for, as one that trades and has no good seal (promise P10).

    Do: see the reason in the message: most often there is no good seal (``rebalancer explain SealRefused``). It counts
    as a dry run at most, so it trades nothing. Ask again where there is a key that the worker has.
    """


class WaitsLong(RebalancerError):
    """A request that is waited for goes on only when a person has said something, or after a long time.

    Do: your request is kept. ``rebalancer status ACCOUNT`` says what is waited for: a plan to approve, an order to
    resolve, a halt to end, or a market, which opens by itself.
    """

    def __init__(self, status: Status) -> None:
        super().__init__(f"{status.account}: {status.phase.value} {status.detail}".rstrip())
        self.status = status


def not_sat_out(trigger: Trigger) -> frozenset[Phase]:
    """The phases that nobody at a terminal sits out.

    A dry run is soon done, and it needs no market: one that stands behind a rebalance which waits for its market may
    stand there for days.
    """
    return LONG_WAITS if trigger.mode is ExecutionMode.DRY_RUN else FOR_A_PERSON


async def outcome_of(
    client: Client,
    trigger: Trigger,
    on_status: Callable[[Status | None], object] = lambda _: None,
    too_long: Collection[Phase] = (),
) -> tuple[EventRecord, Outcome | None]:
    """Wait until a request that was delivered is over, telling ``on_status`` at every look where it stands.

    The outcome is that of the latest run; it is ``None`` if a follow-up run has taken its place. A status is ``None``
    where no worker answers.

    Raises:
        RequestUnknown: the run ended without knowing it, or said why it does not count.
        WaitsLong: it is not over, and the rebalance is in a phase that is ``too_long`` to be waited for.
    """
    handle = handle_of(client, trigger.account)
    while True:
        status = await query_status(handle)
        on_status(status)
        record = status.events.find(trigger.event_id, trigger.mode) if status else None
        if record is not None and record.status in OVER:
            return record, await _latest_outcome(handle, trigger)
        if record is None and (refusal := _refusal_of(status, trigger)):
            raise RequestRefused(f"{trigger.account}: {refusal}.")
        if status is not None and status.phase in too_long:
            raise WaitsLong(status)
        if record is None and await has_ended(handle):
            ending = await ending_of(handle)
            raise RequestUnknown(f"{trigger.account}: {ending.status}. {ending.message}")
        await asyncio.sleep(POLL_INTERVAL)


async def _latest_outcome(handle: WorkflowHandle[Any, RunResult], trigger: Trigger) -> Outcome | None:
    ending = await ending_of(handle) if await has_ended(handle) else None
    outcome = ending.outcome if ending else None
    return outcome if outcome is not None and trigger.event_id in outcome.event_ids else None


def _refusal_of(status: Status | None, trigger: Trigger) -> str:
    """Why a live request does not count, in the run's words; empty where it said nothing of it."""
    if status is None or not trigger.is_live:
        return ""
    return next((told for told in status.rejected_triggers if f"event {trigger.event_id} " in told), "")
