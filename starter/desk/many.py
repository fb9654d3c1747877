"""One request for many accounts: of a strategy, of all, or of those that are to be retried."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from temporalio.client import Client
from temporalio.service import RPCError

from contract.status import Status
from rebalancing.errors import RebalancerError
from rebalancing.outcomes import Outcome
from rebalancing.triggers import EventStatus, Trigger
from starter.desk.account_status import what_you_can_do
from starter.desk.outcome import WaitsLong, not_sat_out, outcome_of
from starter.desk.trigger import deliver

AT_ONCE: Final = 25
"""So many accounts are asked about at the same time."""


@dataclass(frozen=True)
class Result:
    """What came of one account's request. ``status`` is that of its event, or why nothing more is known.

    ``is_waiting``: it waits for a person, and nobody waits for it any longer.
    """

    account: str
    status: str
    told: str = ""
    outcome: Outcome | None = None
    is_waiting: bool = False

    @property
    def is_done(self) -> bool:
        """Whether it was carried out completely."""
        return self.status == EventStatus.COMPLETED

    def as_json(self) -> Mapping[str, object]:
        """For programs."""
        return {**result_json(self.account, self.status, self.told, self.outcome), "waits_for_you": self.is_waiting}


def result_json(account: str, status: str, told: str, outcome: Outcome | None) -> Mapping[str, object]:
    """What came of one request, for programs; percentages and money as text."""
    before, after = (outcome.drift_before, outcome.drift) if outcome else (None, None)
    return {
        "account": account,
        "status": status,
        "told": told,
        "drift_before": None if before is None else str(before),
        "drift_after": None if after is None else str(after),
        "outcome": outcome.model_dump(mode="json") if outcome else None,
    }


async def deliver_all(
    client: Client, triggers: Sequence[Trigger], strategies: Mapping[str, str]
) -> Sequence[Trigger | Result]:
    """Deliver these; what the server did not take is a result in its place, and keeps no other from being taken.

    ``strategies`` says what each account follows.
    """
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(trigger: Trigger) -> Trigger | Result:
        async with turns:
            try:
                await deliver(client, trigger, strategies[trigger.account])
            except RPCError as error:
                return Result(trigger.account, "not accepted", error.message or error.status.name)
            return trigger

    return await asyncio.gather(*(one(trigger) for trigger in triggers))


async def results_of(
    client: Client, delivered: Sequence[Trigger | Result], on_result: Callable[[Result], object] = lambda _: None
) -> Sequence[Result]:
    """Wait for all of them, telling ``on_result`` of each as it ends; one that waits for a person is not waited for."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(asked: Trigger | Result) -> Result:
        async with turns:
            result = await result_of(client, asked) if isinstance(asked, Trigger) else asked
        on_result(result)
        return result

    return await asyncio.gather(*(one(asked) for asked in delivered))


async def result_of(
    client: Client, trigger: Trigger, on_status: Callable[[Status | None], object] = lambda _: None
) -> Result:
    """Wait for a request that was delivered until it is over, or waits for a person."""
    try:
        record, outcome = await outcome_of(client, trigger, on_status, not_sat_out(trigger))
    except WaitsLong as waits:
        told = f"{waits.status.detail} {what_you_can_do(waits.status)}".strip()
        return Result(trigger.account, waits.status.phase.value, told, is_waiting=True)
    except RebalancerError as error:
        return Result(trigger.account, "failed", error.with_command)
    return Result(trigger.account, record.status.value, record.summary, outcome)
