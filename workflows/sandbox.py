"""How workflow code is run: in Temporal's sandbox, with our own pure modules loaded once."""

from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions


def workflow_runner() -> SandboxedWorkflowRunner:
    """The sandbox for workers and replays. ``rebalancing`` is pure, so it need not be loaded anew for every run."""
    return SandboxedWorkflowRunner(
        restrictions=SandboxRestrictions.default.with_passthrough_modules("rebalancing", "workflows.names", "yaml")
    )
