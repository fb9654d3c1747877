"""What happened: every run by the memo it left, and what persons did; from a few pages of the server's list.

No worker is asked, and no run is looked at by itself.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from temporalio.client import Client

from contract.names import workflow_id
from starter.desk.past_halts import PastHalt, all_halts
from starter.desk.runs import OURS, UNSUCCESSFUL, Run, listed_runs, run_of

MOST_RUNS: Final = 200
"""So many runs are told where nobody asks for more."""

MOST_ASKED: Final = 100_000
"""More runs than this are never told at once."""


@dataclass(frozen=True)
class HistoryRequest:
    """Which runs are asked for; what is left out restricts nothing. ``limit`` is how many at most, the latest first."""

    account: str | None = None
    strategy: str | None = None
    since: datetime | None = None
    failed_only: bool = False
    limit: int = MOST_RUNS

    @property
    def query(self) -> str:
        """In the server's words, without the type of the workflow."""
        return " AND ".join(self._conditions())

    def _conditions(self) -> Iterator[str]:
        if self.account is not None:
            yield f"WorkflowId = '{workflow_id(self.account)}'"
        if self.strategy is not None:
            yield f"Strategy = '{self.strategy}'"
        if self.since is not None:
            at = self.since.astimezone(UTC).isoformat()
            yield f"(ExecutionStatus = 'Running' OR CloseTime >= '{at}')"
        if self.failed_only:
            ended = "'Failed', 'Canceled', 'Terminated', 'TimedOut'"
            phases = ", ".join(f"'{phase}'" for phase in UNSUCCESSFUL)
            yield f"(ExecutionStatus IN ({ended}) OR Phase IN ({phases}))"


@dataclass(frozen=True)
class Act:
    """What a person did. ``account`` is empty where it was for all of them, ``by`` where nobody said who."""

    at: datetime
    act: str
    by: str = ""
    account: str = ""
    run_id: str = ""

    def as_json(self) -> Mapping[str, object]:
        """For programs; times in ISO 8601."""
        return {
            "at": self.at.isoformat(),
            "act": self.act,
            "by": self.by,
            "account": self.account or None,
            "run_id": self.run_id or None,
        }


@dataclass(frozen=True)
class History:
    """Runs and acts, each the latest first. ``left_out`` is how many runs more there are about."""

    runs: tuple[Run, ...]
    acts: tuple[Act, ...]
    left_out: int = 0

    def as_json(self) -> Mapping[str, object]:
        """For programs."""
        return {
            "runs": [run.as_json() for run in self.runs],
            "acts": [act.as_json() for act in self.acts],
            "left_out": self.left_out,
        }


async def read_history(client: Client, request: HistoryRequest) -> History:
    """The runs that are asked for, and what persons did about them. Raises ``RPCError``."""
    listed = [run async for run in listed_runs(client, request.query, min(request.limit, MOST_ASKED))]
    runs = [run for run in [await run_of(each) for each in listed] if not run.is_idle]
    left_out = 0
    if len(listed) >= request.limit:
        asked = f"{OURS} AND {request.query}" if request.query else OURS
        left_out = max((await client.count_workflows(asked)).count - len(listed), 0)
    acts = [act for run in runs for act in _acts_of(run)]
    if not request.failed_only:
        acts += [act for past in await all_halts(client, request.since) for act in _acts_about(past, request)]
    return History(
        runs=tuple(sorted(runs, key=_latest, reverse=True)),
        acts=tuple(sorted(acts, key=lambda act: act.at, reverse=True)),
        left_out=left_out,
    )


def _latest(run: Run) -> tuple[bool, datetime]:
    return run.is_running, run.closed_at or run.started_at


def _acts_of(run: Run) -> Iterator[Act]:
    for act in run.summary.acts if run.summary else ():
        yield Act(act.at, act.act, act.by, run.account, run.run_id)


def _acts_about(past: PastHalt, request: HistoryRequest) -> Iterator[Act]:
    """The beginning and the end of a halt or a pause, where it is about what is asked for."""
    halt = past.halt
    if halt.account is not None and (request.strategy is not None or request.account not in (None, halt.account)):
        return
    if halt.strategy is not None and (request.account is not None or request.strategy not in (None, halt.strategy)):
        return
    why = f": {halt.reason}" if halt.reason else ""
    yield Act(halt.since, f"{past.what}{why}", halt.who, halt.account or "")
    if past.ended_at is not None:
        yield Act(past.ended_at, f"{past.what}: {past.ending}", past.ended_by, halt.account or "")
