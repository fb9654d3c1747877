"""What holds or serves all accounts at once: gateways, listener, worker processes and queues."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final, TypeVar

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryReverseRequest
from temporalio.client import Client
from temporalio.service import RPCError

from configuration.configuration import Configuration
from contract.gateway_news import GatewayNews
from contract.halts import Halt
from contract.names import DELIVERING_SIGNAL, READ_SIGNAL, channel_id, gateway_queue
from contract.process_in_use import ProcessInUse
from rebalancing.account_names import NO_ALIASES, AccountNames
from rebalancing.login import Login
from starter.desk.gateway_connections import gateway_news, holder_in
from starter.desk.halt import read_halts
from starter.desk.known_login import known_login
from starter.desk.processes import running
from starter.desk.task_queues import described, is_stopped
from starter.desk.temporal_errors import is_unknown

T = TypeVar("T")

MOST_CHANNELS: Final = 20
"""So many channels are looked at."""

LATEST_EVENTS: Final = 10

LISTENING: Final = ("listener", "up", "demo")
"""What the processes are called that listen to Ably's channels."""


@dataclass(frozen=True)
class GatewayStanding:
    """One gateway: what its workers say, the login it had when it was last connected, and what waits for its slot.

    ``news`` has the word of the worker that holds the connection first; ``login`` is ``None`` before the first
    connection. ``waiting`` is how many requests wait, by the server's estimate, and ``longest_wait`` how long the first
    of them has.
    """

    name: str | None
    news: tuple[GatewayNews, ...]
    login: Login | None
    waiting: int
    longest_wait: timedelta
    is_stopped: bool

    @property
    def holder(self) -> GatewayNews | None:
        """The worker that holds the connection, if one does."""
        return holder_in(self.news)

    def as_json(self) -> Mapping[str, object]:
        """For programs."""
        return {
            "gateway": self.name or "default",
            "connected": self.holder is not None,
            "connected_since": self.holder.since.isoformat() if self.holder else None,
            "held_by": self.holder.process if self.holder else None,
            "problems": [f"{each.process}: {each.problem}" for each in self.news if each.problem],
            "login": self.login.model_dump(mode="json") if self.login else None,
            "waiting": self.waiting,
            "longest_wait": self.longest_wait.total_seconds(),
            "stopped": self.is_stopped,
        }


@dataclass(frozen=True)
class ChannelStanding:
    """One Ably channel: when its history was last read whole, and when an event was last handed on to the accounts.

    ``None`` where that is not known, or was so long ago that it is not looked for.
    """

    name: str
    last_sweep: datetime | None
    last_event: datetime | None

    def as_json(self) -> Mapping[str, object]:
        """For programs; times in ISO 8601."""
        return {
            "channel": self.name,
            "last_sweep": self.last_sweep.isoformat() if self.last_sweep else None,
            "last_event": self.last_event.isoformat() if self.last_event else None,
        }


@dataclass(frozen=True)
class Installation:
    """All of it. ``halts`` are what holds trading now; ``unknown`` says in words what could not be told."""

    halts: tuple[Halt, ...] = ()
    gateways: tuple[GatewayStanding, ...] = ()
    processes: tuple[ProcessInUse, ...] = ()
    channels: tuple[ChannelStanding, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def listens(self) -> bool:
        """Whether a process runs that listens to the channels."""
        return any(process.name.split(" ")[0] in LISTENING for process in self.processes)

    def as_json(self) -> Mapping[str, object]:
        """For programs."""
        return {
            "halts": [halt.as_json() for halt in self.halts],
            "gateways": [gateway.as_json() for gateway in self.gateways],
            "listener": {"running": self.listens, "channels": [channel.as_json() for channel in self.channels]},
            "processes": [
                {"process": process.name, "configuration": process.told, "problem": process.problem or None}
                for process in self.processes
            ],
            "unknown": list(self.unknown),
        }


async def read_installation(client: Client, configuration: Configuration | None) -> Installation:
    """How gateways, listener and processes stand; what cannot be told hides nothing else."""
    gateways = configuration.gateways if configuration else (None,)
    names = configuration.names if configuration else NO_ALIASES
    channels = tuple(configuration.strategies)[:MOST_CHANNELS] if configuration else ()
    unknown: list[str] = []

    async def told(what: str, ask: Callable[[], Awaitable[T]]) -> T | None:
        try:
            return await ask()
        except RPCError as error:
            unknown.append(f"{what} cannot be told: {error.message or error.status.name}")
            return None

    standings = [told(f"gateway {name or 'default'}", partial(_gateway, client, name, names)) for name in gateways]
    read = [told(f"channel {name}", partial(channel_standing, client, name)) for name in channels]
    processes, halts, found, listened = await asyncio.gather(
        told("which processes run", partial(running, client)),
        told("whether trading is halted", partial(read_halts, client)),
        asyncio.gather(*standings),
        asyncio.gather(*read),
    )
    return Installation(
        halts=tuple(halts or ()),
        gateways=tuple(each for each in found if each),
        processes=tuple(processes or ()),
        channels=tuple(each for each in listened if each),
        unknown=tuple(unknown),
    )


async def _gateway(client: Client, name: str | None, names: AccountNames) -> GatewayStanding:
    queue, news, login = await asyncio.gather(
        described(client, gateway_queue(name)), gateway_news(client, name), known_login(client, name, names)
    )
    return GatewayStanding(
        name=name,
        news=news,
        login=login,
        waiting=queue.stats.approximate_backlog_count,
        longest_wait=queue.stats.approximate_backlog_age.ToTimedelta(),
        is_stopped=is_stopped(queue),
    )


async def channel_standing(client: Client, name: str) -> ChannelStanding:
    """What the record of a channel shows: each reading is a signal to it, and each event that is handed on.

    Raises ``RPCError``.
    """
    request = GetWorkflowExecutionHistoryReverseRequest(
        namespace=client.namespace,
        execution=WorkflowExecution(workflow_id=channel_id(name)),
        maximum_page_size=LATEST_EVENTS,
    )
    try:
        answer = await client.workflow_service.get_workflow_execution_history_reverse(request)
    except RPCError as error:
        if is_unknown(error):
            return ChannelStanding(name, None, None)
        raise
    latest: dict[str, datetime] = {}
    for event in answer.history.events:
        signal = event.workflow_execution_signaled_event_attributes.signal_name
        latest.setdefault(signal, event.event_time.ToDatetime(tzinfo=UTC))
    return ChannelStanding(name, latest.get(READ_SIGNAL), latest.get(DELIVERING_SIGNAL))
