"""Releases of this program as the server knows them: which of them a run belongs to, and which one new runs get."""

from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import PollerInfo, TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest, DescribeWorkerDeploymentRequest
from temporalio.client import Client, WorkflowExecutionDescription
from temporalio.common import WorkerDeploymentVersion
from temporalio.service import RPCError, RPCStatusCode

from contract.names import REBALANCES_QUEUE

DEPLOYMENT: Final = "rebalancer"
"""What the server calls all releases together."""

HOSTED: Final = ("RebalanceAccount", "ScheduledRebalance")
"""The workflows that belong to a release."""

_TYPES: Final = "', '".join(HOSTED)
OPEN_RUNS: Final = f"ExecutionStatus = 'Running' AND WorkflowType IN ('{_TYPES}')"
"""Lists those of them that are open."""

GONE_AFTER: Final = timedelta(seconds=75)
"""A worker is heard of whenever its poll ends, which a server lets wait for a minute."""


class Release(NamedTuple):
    """One release with its content, such as ``0.2.0-3f9ac27be01d``: two of one number may differ in their code."""

    number: str
    content: str

    @classmethod
    def of(cls, build_id: str) -> "Release":
        """What a build id of the server names."""
        number, _, content = build_id.rpartition("-")
        return cls(number or build_id, content if number else "")

    @property
    def build_id(self) -> str:
        """Its name on the server."""
        return f"{self.number}-{self.content}" if self.content else self.number

    @property
    def version(self) -> WorkerDeploymentVersion:
        """As the client library takes it."""
        return WorkerDeploymentVersion(DEPLOYMENT, self.build_id)

    def is_older_than(self, other: "Release") -> bool:
        """By its number; what is no number counts as 0, and the content says nothing."""
        return _numbers(self.number) < _numbers(other.number)

    def __str__(self) -> str:
        return self.build_id


def release_of(description: WorkflowExecutionDescription) -> Release | None:
    """The release whose workers go on with this run; ``None`` for a run that no release with a name has begun."""
    told = description.raw_description.workflow_execution_info.versioning_info
    build_id = told.versioning_override.pinned.version.build_id or told.deployment_version.build_id
    return Release.of(build_id) if build_id else None


async def release_in_charge(client: Client) -> Release | None:
    """The release that new runs begin with; ``None`` before there was any. Raises ``RPCError``."""
    request = DescribeWorkerDeploymentRequest(namespace=client.namespace, deployment_name=DEPLOYMENT)
    try:
        # The server answers few of these a second; the library waits, and asks again, where it says so.
        answer = await client.workflow_service.describe_worker_deployment(request, retry=True)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise
    build_id = answer.worker_deployment_info.routing_config.current_deployment_version.build_id
    return Release.of(build_id) if build_id else None


async def polled_releases(client: Client) -> set[Release]:
    """The releases whose workers were heard of lately. Raises ``RPCError``."""
    pollers = await rebalance_pollers(client)
    return {Release.of(each.deployment_options.build_id) for each in pollers if each.deployment_options.build_id}


async def rebalance_pollers(client: Client, gone_after: timedelta = GONE_AFTER) -> list[PollerInfo]:
    """Who polled the queue of rebalances for workflows lately. Raises ``RPCError``."""
    answer = await client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=client.namespace,
            task_queue=TaskQueue(name=REBALANCES_QUEUE),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
        )
    )
    now = datetime.now(UTC)
    return [each for each in answer.pollers if now - each.last_access_time.ToDatetime(tzinfo=UTC) < gone_after]


def _numbers(number: str) -> tuple[int, ...]:
    parts = number.split("+")[0].split(".")
    return tuple(int("".join(each for each in part if each.isdigit()) or 0) for part in parts)
