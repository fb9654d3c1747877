"""Where workflow code is run: in Temporal's sandbox in the tests, without it in workers.

The sandbox watches for clocks, chance and files, and loads the workflow anew for every run. That was most of what a
rebalance cost the worker, in time and in memory. So it watches where every change is tested, and no module of
``workflows`` keeps state.
"""

from typing import Final

from temporalio.worker import UnsandboxedWorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

PURE: Final = ("rebalancing", "contract", "yaml")
"""What the sandbox need not load anew: it computes, and holds no state."""


def worker_runner() -> UnsandboxedWorkflowRunner:
    """For workers."""
    return UnsandboxedWorkflowRunner()


def watched_runner() -> SandboxedWorkflowRunner:
    """For tests: refuses what a replay could not repeat."""
    return SandboxedWorkflowRunner(restrictions=SandboxRestrictions.default.with_passthrough_modules(*PURE))
