"""The events that accounts know, each with what became of it everywhere."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

from temporalio.client import Client
from temporalio.service import RPCError

from contract.memory import memory_of
from rebalancing.triggers import EventRecord, EventStatus
from starter.desk.history import HistoryRequest, read_history
from starter.desk.latest_run import handle_of
from starter.desk.status import at_once
from starter.desk.temporal_errors import is_unknown

MOST_ACCOUNTS: Final = 200
"""So many accounts are asked what they remember."""

MOST_EVENTS: Final = 100
"""So many events are told, the latest."""


@dataclass(frozen=True)
class AtAccount:
    """What became of an event at one account; ``superseded_by`` is the newer event whose rebalance served it too."""

    account: str
    record: EventRecord
    run_id: str = ""
    superseded_by: str = ""

    @property
    def word(self) -> str:
        """That in one word."""
        if self.superseded_by:
            return f"superseded by {self.superseded_by}"
        if self.record.status is EventStatus.PENDING:
            return "accepted"
        return "carried out" if self.record.status is EventStatus.COMPLETED else self.record.status.value


@dataclass(frozen=True)
class PublishedEvent:
    """One event: when it was published, and what became of it at each account that knows it."""

    event_id: str
    is_live: bool
    published_at: datetime
    accounts: tuple[AtAccount, ...]


async def published_events(client: Client, accounts: Sequence[str]) -> list[PublishedEvent]:
    """The events that these accounts remember, the latest first. Raises ``RPCError``."""
    rings = await at_once(partial(_remembered, client), accounts[:MOST_ACCOUNTS])
    served = await _served(client)
    found: dict[tuple[str, bool], list[AtAccount]] = defaultdict(list)
    for account, records in zip(accounts, rings, strict=False):
        published = {record.event_id: record.requested_at for record in records}
        for record in records:
            run_id, ids = served.get((account, record.event_id), ("", ()))
            newest = max(ids, key=lambda each: published.get(each, record.requested_at), default=record.event_id)
            superseded = newest if newest != record.event_id and record.status.is_carried_out else ""
            is_live = record.mode == "rebalance"
            found[record.event_id, is_live].append(AtAccount(account, record, run_id, superseded))
    events = [
        PublishedEvent(event_id, is_live, min(each.record.requested_at for each in own), tuple(own))
        for (event_id, is_live), own in found.items()
    ]
    return sorted(events, key=lambda event: event.published_at, reverse=True)[:MOST_EVENTS]


async def _remembered(client: Client, account: str) -> tuple[EventRecord, ...]:
    try:
        return (await memory_of(await handle_of(client, account).describe())).all_events.records
    except RPCError as error:
        if is_unknown(error):
            return ()
        raise


async def _served(client: Client) -> Mapping[tuple[str, str], tuple[str, tuple[str, ...]]]:
    """The run that served an account's event, and all events that it served."""
    history = await read_history(client, HistoryRequest())
    return {
        (run.account, event_id): (run.run_id, run.summary.event_ids)
        for run in reversed(history.runs)
        if run.summary
        for event_id in run.summary.event_ids
    }
