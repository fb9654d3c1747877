"""What Temporal remembers of each channel: since when it is followed, and up to when it was read (promise P2)."""

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from temporalio.api.common.v1 import Payload, WorkflowExecution
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryReverseRequest
from temporalio.client import Client, WorkflowExecutionDescription
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError, RPCStatusCode

from contract.encryption import PayloadAltered, PayloadKeyUnknown
from contract.names import CHANNEL_RECORD_TYPE, DELIVERING_SIGNAL, READ_SIGNAL, channel_id
from contract.summaries import summary
from rebalancing.base import FrozenModel, Instant
from starter.ably.temporal_away import TemporalAwayError, while_temporal_is_there

RECORDS_QUEUE: Final = "channel-records"
"""Nobody polls it: the workflows on it run and do nothing."""

RECORD_MEMO: Final = "record"
RENEW_AFTER: Final = 1000
"""Events in a record's history after which a new run takes its place; a sweep a minute takes 17 hours for them."""

LATEST_EVENTS: Final = 10
"""So many are asked for at once when the latest reading is looked for; as a rule it is among them."""


class ChannelRecord(FrozenModel):
    """What is known of one channel; all times are by Ably's clock.

    ``born``: since when it is followed by this installation; nothing published before is carried out.
    ``read_to``: everything published until then was accepted, or starts nothing.
    ``newest``: when the newest message seen was published, if there was one.
    """

    born: Instant
    read_to: Instant
    newest: Instant | None = None


class _Position(NamedTuple):
    """How far a record has come: it only ever grows."""

    run_began: datetime
    events: int


class Recalled(NamedTuple):
    """A record, and whether the server has forgotten something of it that it had taken before: a copy was put back."""

    record: ChannelRecord
    went_back: bool


class ChannelRecords:
    """The records of all channels, in Temporal alone.

    Each is a workflow that runs and does nothing. So it needs no worker, is never pruned as closed workflows are, is
    gone when the database is, and of several listeners that begin at once one makes it. Each reading is a signal to it,
    and so is each event that is delivered: from how many there are it shows if the database went back in time.

    Raises:
        TemporalAwayError: from every method, if the server cannot be reached or refuses, or its record cannot be read
            for want of a key.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._reached: dict[str, _Position] = {}

    async def born(self, channel: str) -> datetime | None:
        """Since when the channel is followed; None if this server does not know it."""
        found = await self._described(channel)
        return (await _begun_with(found)).born if found else None

    async def recall(self, channel: str) -> Recalled | None:
        """The channel's record; None if this server does not know it."""
        reached = self._reached.get(channel)  # before asking: what is written meanwhile may not be in the answer
        found = await self._described(channel)
        if found is None:
            self._reached.pop(channel, None)
            return None
        went_back = reached is not None and _position(found) < reached
        if went_back:
            self._reached[channel] = _position(found)
        return Recalled(await self._latest(found) or await _begun_with(found), went_back)

    async def establish(self, channel: str, born: datetime) -> ChannelRecord:
        """Begin a record, unless somebody else just did; the one that counts."""
        record = ChannelRecord(born=born, read_to=born)
        await self._start(channel, record, WorkflowIDConflictPolicy.USE_EXISTING)
        recalled = await self.recall(channel)
        return recalled.record if recalled else record

    async def note(self, channel: str, record: ChannelRecord) -> None:
        """Keep what a complete reading came to.

        A record that is lost is not made again: this is a new installation. Nor is one moved on that went back
        meanwhile: what was read before is not what the accounts have now.
        """
        reached = self._reached.get(channel)
        found = await self._described(channel)
        if found is None or (reached is not None and _position(found) < reached):
            return
        if found.close_time is None and found.history_length < RENEW_AFTER:
            await self._signal(channel, found, READ_SIGNAL, record)
        else:
            await self._start(channel, record, WorkflowIDConflictPolicy.TERMINATE_EXISTING)

    async def delivering(self, channel: str, message_id: str) -> None:
        """Keep that the accounts are about to get an event.

        Before they do: of a copy of the database that is put back after it, this is what shows.
        """
        found = await self._described(channel)
        if found is not None and found.close_time is None:
            await self._signal(channel, found, DELIVERING_SIGNAL, message_id)

    async def _signal(self, channel: str, found: WorkflowExecutionDescription, name: str, what: object) -> None:
        async with while_temporal_is_there():
            await self._client.get_workflow_handle(found.id, run_id=found.run_id).signal(name, what)
        position = _position(found, and_then=1)
        self._reached[channel] = max(position, self._reached.get(channel, position))

    async def _start(self, channel: str, record: ChannelRecord, policy: WorkflowIDConflictPolicy) -> None:
        async with while_temporal_is_there():
            await self._client.start_workflow(
                CHANNEL_RECORD_TYPE,
                id=channel_id(channel),
                task_queue=RECORDS_QUEUE,
                id_conflict_policy=policy,
                memo={RECORD_MEMO: record},
                static_summary=summary(f"RECORD · what was read of the Ably channel {channel}", "do not end it"),
            )

    async def _described(self, channel: str) -> WorkflowExecutionDescription | None:
        async with while_temporal_is_there():
            try:
                return await self._client.get_workflow_handle(channel_id(channel)).describe()
            except RPCError as error:
                if error.status is RPCStatusCode.NOT_FOUND:
                    return None
                raise

    async def _latest(self, found: WorkflowExecutionDescription) -> ChannelRecord | None:
        """What the last signal said; None if there was none since the run began."""
        async for event in self._backwards(found):
            signal = event.workflow_execution_signaled_event_attributes
            if signal.signal_name == READ_SIGNAL and (told := await self._told(signal.input.payloads)):
                return told
        return None

    async def _told(self, payloads: Sequence[Payload]) -> ChannelRecord | None:
        """What a signal says; ``None`` for one that somebody sent by hand and that says nothing."""
        try:
            (told,) = await self._client.data_converter.decode(payloads, [ChannelRecord])
        except PayloadKeyUnknown as error:
            raise TemporalAwayError(str(error)) from error
        except Exception:  # whatever a converter makes of it
            return None
        return told if isinstance(told, ChannelRecord) else None

    async def _backwards(self, found: WorkflowExecutionDescription) -> AsyncGenerator[HistoryEvent]:
        """The events of a record's history, the latest first."""
        request = GetWorkflowExecutionHistoryReverseRequest(
            namespace=self._client.namespace,
            execution=WorkflowExecution(workflow_id=found.id, run_id=found.run_id),
            maximum_page_size=LATEST_EVENTS,
        )
        while True:
            async with while_temporal_is_there():
                answer = await self._client.workflow_service.get_workflow_execution_history_reverse(request)
            for event in answer.history.events:
                yield event
            if not answer.next_page_token:
                return
            request.next_page_token = answer.next_page_token


def _position(found: WorkflowExecutionDescription, and_then: int = 0) -> _Position:
    return _Position(found.start_time, found.history_length + and_then)


async def _begun_with(found: WorkflowExecutionDescription) -> ChannelRecord:
    try:
        return await found.memo_value(RECORD_MEMO, type_hint=ChannelRecord)
    except (PayloadKeyUnknown, PayloadAltered) as error:
        raise TemporalAwayError(str(error)) from error
