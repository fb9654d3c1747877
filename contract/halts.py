"""What holds trading: a halt of everything, or the pause of one account or one strategy.

Each is a workflow that runs and does nothing: that needs no worker to set, to read or to clear, shows in the Temporal
UI, goes wherever the history goes, and whoever has the ``temporal`` command can start or terminate it too. Those that
have ended are the record of all halts. Only the id counts: a workflow that runs under one of these holds trading
whatever else it says.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from datetime import UTC, datetime
from typing import Final, NamedTuple

from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from contract.summaries import summary

HALT_WORKFLOW_TYPE: Final = "Halt"
PAUSE_WORKFLOW_TYPE: Final = "Pause"

HALTS_QUEUE: Final = "halts"
"""Polled by nobody: these workflows do nothing."""

WHO_MEMO: Final = "who"
REASON_MEMO: Final = "reason"

CIRCUIT_BREAKER: Final = "circuit breaker"
"""Who pauses a strategy of which too many rebalances went wrong."""

LOST_HISTORY: Final = "history"
"""Who holds an account of which the broker knows more than the history does."""

HALT_ID: Final = "halt"
_PAUSE: Final = "pause-"
_PAUSE_STRATEGY: Final = "pause-strategy-"
_PAUSE_HISTORY: Final = "pause-history-"

ALL_HALTS: Final = f"(WorkflowId = '{HALT_ID}' OR WorkflowId STARTS_WITH '{_PAUSE}')"
"""Everything that holds trading or did, as the server lists it, which may lag a little."""


def is_halt(workflow_id: str) -> bool:
    """Whether whatever runs under this id holds trading."""
    return workflow_id == HALT_ID or workflow_id.startswith(_PAUSE)


def pause_id(account: str) -> str:
    """The workflow that pauses this account."""
    return f"{_PAUSE}{account}"


def strategy_pause_id(strategy: str) -> str:
    """The workflow that pauses all accounts of this strategy."""
    return f"{_PAUSE_STRATEGY}{strategy}"


def history_pause_id(account: str) -> str:
    """The workflow that holds this account until a person accepts that its history is not whole."""
    return f"{_PAUSE_HISTORY}{account}"


class Halt(NamedTuple):
    """One halt or pause. ``who`` and ``reason`` are empty where whoever set it did not say."""

    workflow_id: str
    who: str
    reason: str
    since: datetime

    @property
    def strategy(self) -> str | None:
        """The strategy that it pauses, if it is one."""
        return self.workflow_id.removeprefix(_PAUSE_STRATEGY) if self.workflow_id.startswith(_PAUSE_STRATEGY) else None

    @property
    def account(self) -> str | None:
        """The account that it pauses, if it is one."""
        if self.is_about_history:
            return self.workflow_id.removeprefix(_PAUSE_HISTORY)
        is_account = self.workflow_id != HALT_ID and self.strategy is None
        return self.workflow_id.removeprefix(_PAUSE) if is_account else None

    @property
    def is_about_history(self) -> bool:
        """Whether it holds an account because its history was put back, or lacks what the broker knows."""
        return self.workflow_id.startswith(_PAUSE_HISTORY)

    @property
    def what(self) -> str:
        """What it holds, in words."""
        if self.strategy is not None:
            return f"strategy {self.strategy} is paused"
        if self.is_about_history:
            return f"the history of account {self.account} is not whole"
        return "trading is halted" if self.account is None else f"account {self.account} is paused"

    @property
    def ended_by(self) -> str:
        """The command that lets trading go on."""
        if self.strategy is not None:
            return f"rebalancer unpause --strategy {self.strategy}"
        if self.is_about_history:
            return f"rebalancer accept-history {self.account}"
        return "rebalancer resume" if self.account is None else f"rebalancer unpause {self.account}"

    def as_json(self) -> Mapping[str, object]:
        """For programs; times in ISO 8601."""
        return {"id": self.workflow_id, "who": self.who, "reason": self.reason, "since": self.since.isoformat()}

    def __str__(self) -> str:
        by = f" by {self.who}" if self.who else ""
        reason = f": {self.reason}" if self.reason else ""
        return f"{self.what} since {self.since:%Y-%m-%d %H:%M} UTC{by}{reason}"


async def halts_of(client: Client, account: str, strategy: str | None) -> tuple[Halt, ...]:
    """What holds this account at this moment, by the server's own word and not by its list. Raises ``RPCError``."""
    return await _of(client, HALT_ID, *_own(account), *([strategy_pause_id(strategy)] if strategy else []))


async def pauses_of(client: Client, account: str) -> tuple[Halt, ...]:
    """What holds this account alone, under this name. Raises ``RPCError``."""
    return await _of(client, *_own(account))


def _own(account: str) -> tuple[str, str]:
    return pause_id(account), history_pause_id(account)


async def _of(client: Client, *halt_ids: str) -> tuple[Halt, ...]:
    return tuple(halt for halt in await asyncio.gather(*(_running(client, each) for each in halt_ids)) if halt)


async def set_halt(client: Client, halt_id: str, who: str, reason: str) -> bool:
    """Have this halt or pause run; whether it did not before. Raises ``RPCError``."""
    try:
        await client.start_workflow(
            HALT_WORKFLOW_TYPE if halt_id == HALT_ID else PAUSE_WORKFLOW_TYPE,
            id=halt_id,
            task_queue=HALTS_QUEUE,
            memo={WHO_MEMO: who, REASON_MEMO: reason},
            static_summary=_in_the_list(halt_id, who, reason),
        )
    except WorkflowAlreadyStartedError:
        return False
    return True


async def running_halts(client: Client) -> AsyncGenerator[Halt]:
    """Everything that holds trading, as the server lists it. Raises ``RPCError``."""
    async for execution in client.list_workflows(f"ExecutionStatus = 'Running' AND {ALL_HALTS}"):
        yield await halt_of(execution)


async def halt_of(execution: WorkflowExecution) -> Halt:
    """What a halt or pause says of itself; what was written there by hand is taken as it is."""
    return Halt(
        execution.id, await _told(execution, WHO_MEMO), await _told(execution, REASON_MEMO), execution.start_time
    )


def _in_the_list(halt_id: str, who: str, reason: str) -> str:
    """As in ``HALT · trading is halted · by ann: earnings · ended by rebalancer resume``."""
    halt = Halt(halt_id, who, reason, datetime.now(UTC))
    # The reason last: it may be long, and a summary is cut.
    return summary(
        "HALT" if halt_id == HALT_ID else "PAUSE",
        halt.what,
        f"ended by {halt.ended_by}",
        f"by {who}: {reason}" if who else reason,
    )


async def _running(client: Client, workflow_id: str) -> Halt | None:
    try:
        description = await client.get_workflow_handle(workflow_id).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise
    return await halt_of(description) if description.status is WorkflowExecutionStatus.RUNNING else None


async def _told(execution: WorkflowExecution, key: str) -> str:
    """A memo value in words. It only explains: one that cannot be read changes nothing of the halt."""
    try:
        value = await execution.memo_value(key, default="")
    except Exception:  # a converter may raise anything
        return ""
    return " ".join(str(value).split())
