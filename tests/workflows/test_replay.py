"""Recorded runs replay: a worker with this code can go on with workflows that an earlier one began."""

import json
from importlib.metadata import version
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from contract.payloads import DATA_CONVERTER
from workflows.alert import AlertWorkflow
from workflows.alert_digest import AlertDigest
from workflows.rebalance_account import RebalanceAccount
from workflows.sandbox import watched_runner
from workflows.scheduled_rebalance import ScheduledRebalance

FOLDER = Path(__file__).parent / "histories"
"""A folder for each release; what one began a later one may have to go on with."""

HISTORIES = sorted(FOLDER.glob("*/*.json"))


def replayer() -> Replayer:
    """A replayer set up like the worker."""
    return Replayer(
        workflows=[RebalanceAccount, ScheduledRebalance, AlertWorkflow, AlertDigest],
        workflow_runner=watched_runner(),
        data_converter=DATA_CONVERTER,
    )


def history(path: Path, swap: tuple[str, str] = ("", "")) -> WorkflowHistory:
    """A recorded history, with one text in it replaced."""
    text = path.read_text()
    own_id = json.loads(text)["events"][0]["workflowExecutionStartedEventAttributes"]["workflowId"]
    return WorkflowHistory.from_json(own_id, text.replace(*swap) if swap[0] else text)


@pytest.mark.parametrize("release", sorted(FOLDER.iterdir()), ids=lambda folder: folder.name)
def test_every_kind_of_run_is_recorded_of_each_release(release: Path) -> None:
    assert [path.stem for path in sorted(release.glob("*.json"))] == [
        "approved",
        "completed",
        "continued",
        "digest",
        "failed",
        "lasting",
        "repriced",
        "scheduled",
    ]


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: f"{path.parent.name} {path.stem}")
async def test_a_recorded_run_replays(path: Path) -> None:
    await replayer().replay_workflow(history(path))


def test_the_release_that_is_made_here_has_its_histories() -> None:
    assert (FOLDER / version("rebalancer")).is_dir(), "`make histories` records them before a release"


async def test_a_history_of_other_steps_is_noticed() -> None:
    with pytest.raises(NondeterminismError):
        await replayer().replay_workflow(history(HISTORIES[0], ("read_snapshot", "read_something_else")))
