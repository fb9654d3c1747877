"""What is wrong with an installation, why, and what to do: releases, runs by release, pollers, and what is stuck.

All of it is told by the server; a worker is asked one thing for each open run, and told of where it does not answer.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from temporalio.api.workflowservice.v1 import GetSystemInfoRequest
from temporalio.client import Client, WorkflowExecution, WorkflowExecutionDescription, WorkflowExecutionStatus
from temporalio.service import RPCError, __version__

from configuration.configuration import Configuration
from contract.alerts import ALERTS_QUEUE
from contract.encryption import PayloadRefused
from contract.names import REBALANCES_QUEUE, TURNS_QUEUE, WORKFLOW_TYPE, account_of, fills_queue, gateway_queue
from contract.releases import GONE_AFTER, OPEN_RUNS, Release, polled_releases, release_in_charge, release_of
from starter.desk.installation import Installation, read_installation
from starter.desk.latest_run import handle_of, status_or_error
from starter.desk.pending_steps import pending_steps
from starter.desk.status import at_once
from starter.desk.stuck_code import code_failure, why_unanswered
from starter.desk.task_queues import described, heard_of
from starter.desk.temporal_errors import is_unknown

MOST_RUNS: Final = 500
"""So many open runs are looked at."""

MANY_ATTEMPTS: Final = 3
"""A step that was tried so often is stuck on something that trying again has not mended."""

NO_NAME: Final = "without a name"
"""Runs that no worker has begun with, and those of before releases had names."""


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be: what it is about, what is wrong and why, and what to do."""

    about: str
    what: str
    to_do: str

    def as_json(self) -> Mapping[str, str]:
        """For programs."""
        return {"about": self.about, "what": self.what, "to_do": self.to_do}


@dataclass(frozen=True)
class Diagnosis:
    """``releases`` counts open runs by release; ``pollers`` how many workers were heard of lately, by queue."""

    own: Release
    server: str
    in_charge: Release | None
    served: tuple[Release, ...]
    releases: Mapping[str, int]
    pollers: Mapping[str, int]
    processes: tuple[str, ...]
    findings: tuple[Finding, ...]

    def as_json(self) -> Mapping[str, object]:
        """For programs."""
        return {
            "release": self.own.number,
            "build_id": self.own.build_id,
            "temporal_server": self.server,
            "temporal_sdk": __version__,
            "release_in_charge": str(self.in_charge) if self.in_charge else None,
            "releases_served": [str(each) for each in self.served],
            "open_runs": dict(self.releases),
            "pollers": dict(self.pollers),
            "processes": list(self.processes),
            "findings": [each.as_json() for each in self.findings],
        }


async def diagnose(client: Client, configuration: Configuration | None, own: Release) -> Diagnosis:
    """Look at everything. ``own`` is the release that asks. Raises ``RPCError`` if the server does not answer."""
    system = await client.workflow_service.get_system_info(GetSystemInfoRequest())
    in_charge, served, installation, pollers, runs = await asyncio.gather(
        release_in_charge(client),
        polled_releases(client),
        read_installation(client, configuration),
        _pollers(client, configuration),
        _open_runs(client),
    )

    async def of_run(run: WorkflowExecutionDescription) -> list[Finding]:
        return [finding async for finding in _of_run(client, run, served, pollers)]

    by_run = await at_once(of_run, runs)
    return Diagnosis(
        own=own,
        server=system.server_version,
        in_charge=in_charge,
        served=tuple(sorted(served)),
        releases=Counter(str(release_of(run) or NO_NAME) for run in runs),
        pollers=pollers,
        processes=tuple(str(each) for each in installation.processes),
        findings=(
            *_of_releases(in_charge, served, own),
            *_of_queues(pollers, installation),
            *(finding for found in by_run for finding in found),
        ),
    )


# --- what is looked at ------------------------------------------------------------------------------------------------


async def _pollers(client: Client, configuration: Configuration | None) -> Mapping[str, int]:
    gateways = configuration.gateways or (None,) if configuration else (None,)
    queues = [REBALANCES_QUEUE, *(queue for name in gateways for queue in (gateway_queue(name), fills_queue(name)))]
    if configuration and configuration.settings.concurrency.max_concurrent_rebalances is not None:
        queues.append(TURNS_QUEUE)
    if configuration and configuration.alerts.is_on:
        queues.append(ALERTS_QUEUE)
    found = await asyncio.gather(*(described(client, queue) for queue in queues))
    return {queue: len(heard_of(each, GONE_AFTER)) for queue, each in zip(queues, found, strict=True)}


async def _open_runs(client: Client) -> list[WorkflowExecutionDescription]:
    listed = [run async for run in client.list_workflows(OPEN_RUNS, limit=MOST_RUNS)]

    async def describe(run: WorkflowExecution) -> WorkflowExecutionDescription | None:
        try:
            return await client.get_workflow_handle(run.id, run_id=run.run_id).describe()
        except RPCError as error:
            if is_unknown(error):
                return None
            raise

    found = await at_once(describe, listed)
    return [run for run in found if run is not None and run.status is WorkflowExecutionStatus.RUNNING]


# --- what is wrong ----------------------------------------------------------------------------------------------------


def _of_releases(in_charge: Release | None, served: set[Release], own: Release) -> Iterator[Finding]:
    if in_charge is not None and in_charge not in served:
        yield Finding(
            "new rebalances",
            f"begin with release {in_charge}, and no worker of that was heard of lately",
            "start a worker: `rebalancer worker`, or `rebalancer up`; an older release with --roll-back",
        )
    if in_charge is not None and own != in_charge:
        yield Finding(
            "this command",
            f"is of release {own}; new rebalances begin with {in_charge}",
            "install the same everywhere, unless two run side by side on purpose (docs/upgrading.md)",
        )


def _of_queues(pollers: Mapping[str, int], installation: Installation) -> Iterator[Finding]:
    for queue, count in pollers.items():
        if not count:
            yield Finding(f"queue {queue}", "no worker polls it", _POLLED_BY.get(queue, _GATEWAY_POLLS))
    for gateway in installation.gateways:
        name = f"gateway {gateway.name or 'default'}"
        if gateway.is_stopped:
            yield Finding(name, "its queue is stopped: nothing reaches it", "`rebalancer resume` lets requests through")
        for news in gateway.news if gateway.holder is None else ():
            yield Finding(name, f"not connected: {news.problem}", "see that the gateway is up and logged in")
    for halt in installation.halts:
        yield Finding("trading", str(halt), f"`{halt.ended_by}` ends it")
    for unknown in installation.unknown:
        yield Finding("the server", unknown, "ask again; see the server's own log")


_GATEWAY_POLLS: Final = "a worker polls it while it holds the connection: see that gateway and worker are up"
_POLLED_BY: Final = {
    REBALANCES_QUEUE: "start a worker: `rebalancer worker`, or `rebalancer up`",
    TURNS_QUEUE: "start a worker: `rebalancer worker`, or `rebalancer up`",
    ALERTS_QUEUE: "start a worker: `rebalancer worker`, or `rebalancer up`",
}


async def _of_run(
    client: Client, run: WorkflowExecutionDescription, served: set[Release], pollers: Mapping[str, int]
) -> AsyncIterator[Finding]:
    release = release_of(run)
    if reason := await _stuck(client, run):
        yield Finding(run.id, reason, _for_code(run, reason, release, served))
    for step in await pending_steps(client, run):
        if step.attempt >= MANY_ATTEMPTS:
            yield Finding(run.id, str(step), "what the error says; it is tried again and again until then")
        elif step.is_queued and pollers.get(step.queue, 1) == 0:
            yield Finding(
                run.id, f"{step.activity} waits in the queue {step.queue}, which no worker polls", "see there"
            )


async def _stuck(client: Client, run: WorkflowExecutionDescription) -> str:
    """Why its code does not go on with it; empty where it does."""
    if run.workflow_type != WORKFLOW_TYPE:
        return await code_failure(client, run)
    answer = await status_or_error(handle_of(client, account_of(run.id), run.run_id))
    return await why_unanswered(client, run, answer) if isinstance(answer, Exception) else ""


def _for_code(run: WorkflowExecutionDescription, reason: str, release: Release | None, served: set[Release]) -> str:
    if PayloadRefused.HOW_TOLD in reason:
        told = (
            f"look at its orders in TWS, then end it: `temporal workflow terminate --workflow-id {run.id}`. If it was "
            'begun before there was a key: docs/encryption.md, "What is refused"'
        )
    elif release is not None and release not in served:
        told = f"start release {release}, beside the one that runs, until it is over (docs/upgrading.md)"
    else:
        told = "go back to the release that began it (docs/upgrading.md)"
    if run.workflow_type != WORKFLOW_TYPE:
        return told
    return f"{told}; `rebalancer cancel --at-broker {account_of(run.id)}` cancels its orders meanwhile"
