"""What to say to those who start a rebalance under an id that is not the account's own, or with what is no trigger."""

from pydantic import ValidationError

from contract.names import REBALANCES_QUEUE, TRIGGER_SIGNAL, WORKFLOW_TYPE, workflow_id
from rebalancing.errors import with_command
from rebalancing.failures import WorkflowIdWrong


def workflow_id_wrong(account: str, found: str) -> WorkflowIdWrong:
    """The error of a run for ``account`` under the id ``found``; it says how to trigger."""
    own = workflow_id(account)
    told = (
        f"Account {account} is rebalanced by the workflow {own} alone, so that no two trade it at once; this one "
        f"is {found}. Nothing was read or traded. Use `rebalancer run {account}`, or "
        f"`temporal workflow signal-with-start --type {WORKFLOW_TYPE} --task-queue {REBALANCES_QUEUE} "
        f'--workflow-id {own} --input \'{{"account": "{account}"}}\' --signal-name {TRIGGER_SIGNAL} '
        '--signal-input \'{"event_id": "…"}\'`. A Temporal Schedule changes the id: have cron run one of these.'
    )
    return WorkflowIdWrong(with_command(told, WorkflowIdWrong.__name__))


def first_problem(error: ValidationError) -> str:
    """The first thing that is wrong with a trigger, in words."""
    problem = error.errors()[0]
    field = ".".join(str(part) for part in problem["loc"]) or "the payload"
    return f"{field}: {problem['msg']}"
