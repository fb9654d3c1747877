"""Has new runs begin with this release, and takes over what is open and can be gone on with by its code."""

import asyncio
import logging
from typing import Final

from google.protobuf.field_mask_pb2 import FieldMask
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflow.v1 import WorkflowExecutionOptions
from temporalio.api.workflowservice.v1 import (
    SetWorkerDeploymentCurrentVersionRequest,
    UpdateWorkflowExecutionOptionsRequest,
)
from temporalio.client import Client, WorkflowExecutionDescription
from temporalio.common import PinnedVersioningOverride
from temporalio.service import RPCError, RPCStatusCode

from contract.releases import DEPLOYMENT, Release, release_in_charge, release_of
from worker.admission import require_polled
from worker.replay_check import open_runs_of_others, replay_problem

log = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 10.0
"""Seconds between two looks for open runs of others. The server's list lags, and a release that ends leaves some."""

UNKNOWN_PAUSE: Final = 0.2
"""Seconds until the server is asked again that has not heard of this release yet; it answers few such a second."""

SAID_EVERY: Final = 30.0
"""Seconds after which it is said (again) that the server does not let this release take over."""

FINAL: Final = frozenset({RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNAUTHENTICATED, RPCStatusCode.UNIMPLEMENTED})
"""What trying again cannot mend."""


async def lead(client: Client, own: Release) -> None:
    """Take over, and go on taking over what is found of other releases; until cancelled.

    Does nothing any more once another release has taken over. Raises ``RPCError`` if the server does not allow it.
    """
    await _take_charge(client, own)
    blocked: set[str] = set()
    pause = FIRST_PAUSE
    while True:
        try:
            if await release_in_charge(client) == own:
                await _take_over_runs(client, own, blocked)
        except RPCError as error:
            log.debug("runs of other releases are looked for later: %s", error)
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


async def follow(client: Client, own: Release) -> None:
    """Let a newer release be in charge for as long as it has a worker. Raises ``ReleaseRefused`` once it has none."""
    while True:
        await asyncio.sleep(LONGEST_PAUSE)
        try:
            current = await release_in_charge(client)
            if current is not None and own.is_older_than(current):
                await require_polled(client, own, current)
        except RPCError as error:
            log.debug("whether the newer release has a worker is looked at later: %s", error)


async def _take_charge(client: Client, own: Release) -> None:
    """Have new runs begin with this release, as soon as the server has heard of it by its worker's polls."""
    request = SetWorkerDeploymentCurrentVersionRequest(
        namespace=client.namespace, deployment_name=DEPLOYMENT, build_id=own.build_id, identity=client.identity
    )
    clock = asyncio.get_running_loop().time
    told_at = clock()
    while True:
        try:
            await client.workflow_service.set_worker_deployment_current_version(request)
        except RPCError as error:
            if error.status in FINAL:
                raise
            if clock() - told_at > SAID_EVERY:
                told_at = clock()
                log.warning("new rebalances do not begin with release %s yet: %s", own, error.message)
            await asyncio.sleep(UNKNOWN_PAUSE)
        else:
            log.debug("new rebalances begin with release %s", own)
            return


async def _take_over_runs(client: Client, own: Release, blocked: set[str]) -> None:
    """Those that this code can go on with; ``blocked`` are the others, which are left alone."""
    async for run in open_runs_of_others(client, own):
        begun_by = release_of(run)
        if run.run_id in blocked or begun_by in (None, own):  # one of no release comes to who is in charge by itself
            continue
        if problem := await replay_problem(client, run.id, run.run_id):
            blocked.add(run.run_id)
            log.warning("%s is left to release %s: this one cannot go on with it (%s)", run.id, begun_by, problem)
        else:
            await _take_over(client, run, own, begun_by, blocked)


async def _take_over(
    client: Client, run: WorkflowExecutionDescription, own: Release, begun_by: Release | None, blocked: set[str]
) -> None:
    """Pin it to this release; what the other one did until then is looked at once more, and given back if need be."""
    await _pin(client, run, own)
    if begun_by is not None and (problem := await replay_problem(client, run.id, run.run_id)):
        await _pin(client, run, begun_by)
        blocked.add(run.run_id)
        log.warning("%s was given back to release %s: %s", run.id, begun_by, problem)
    else:
        log.info("%s goes on with release %s; %s began it", run.id, own, begun_by)


async def _pin(client: Client, run: WorkflowExecutionDescription, release: Release) -> None:
    override = PinnedVersioningOverride(release.version)
    options = WorkflowExecutionOptions(versioning_override=override._to_proto())  # pyright: ignore[reportPrivateUsage]
    try:
        await client.workflow_service.update_workflow_execution_options(
            UpdateWorkflowExecutionOptionsRequest(
                namespace=client.namespace,
                workflow_execution=WorkflowExecution(workflow_id=run.id, run_id=run.run_id),
                workflow_execution_options=options,
                update_mask=FieldMask(paths=["versioning_override"]),
                identity=client.identity,
            )
        )
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:  # it ended meanwhile
            raise
