"""Releases of this program as the server knows them: which of them a run belongs to, and which one new runs get."""

from typing import Final, NamedTuple

from temporalio.client import WorkflowExecutionDescription
from temporalio.common import WorkerDeploymentVersion

DEPLOYMENT: Final = "rebalancer"
"""What the server calls all releases together."""

HOSTED: Final = ("RebalanceAccount", "ScheduledRebalance")
"""The workflows that belong to a release."""


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


def _numbers(number: str) -> tuple[int, ...]:
    parts = number.split("+")[0].split(".")
    return tuple(int("".join(each for each in part if each.isdigit()) or 0) for part in parts)
