"""How workflow code is run: in Temporal's sandbox, with modules of ours loaded once instead of for every run.

Loading them anew was most of what a rebalance cost the worker. What is loaded once is not watched for clocks, chance
and files while it runs; so replays in the tests run with everything watched (``is_watched``), and no module of
``workflows`` keeps state.
"""

import pkgutil
from typing import Final

from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

import workflows

ENTRY: Final = "rebalance_account"
"""The module of the workflow itself, which the sandbox loads for every run."""

PURE: Final = ("rebalancing", "workflows.names", "yaml")


def workflow_runner(*, is_watched: bool = False) -> SandboxedWorkflowRunner:
    """The sandbox for workers; ``is_watched`` watches all workflow code, at the cost of loading it for every run."""
    modules = PURE if is_watched else (*PURE, *_steps())
    return SandboxedWorkflowRunner(restrictions=SandboxRestrictions.default.with_passthrough_modules(*modules))


def _steps() -> tuple[str, ...]:
    names = (module.name for module in pkgutil.iter_modules(workflows.__path__))
    return tuple(f"workflows.{name}" for name in names if name != ENTRY)
