"""What the board tells must be so, or it must say that it is not known: over a real server, whoever does what to it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from temporalio import workflow
from temporalio.client import Client, WorkflowHandle
from temporalio.common import SearchAttributePair, TypedSearchAttributes
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from configuration.configuration_in_use import ConfigurationInUse
from contract.halts import HALT_ID
from contract.names import EXECUTION_MODE, PHASE, WORKFLOW_TYPE
from rebalancing.outcomes import Outcome, Phase
from rebalancing.triggers import ExecutionMode
from starter.desk.account_status import AccountStatus
from starter.web.dashboard.watch import Board, Known, Watch
from testbed.temporal_server import temporal_server
from testbed.waiting import until
from tests.house import Holding, configuration, house

ACCOUNTS = tuple(f"DU{number}" for number in range(1, 6))
NOBODY = "polled-by-nobody"
NOW = datetime(2026, 11, 24, 14, 30, tzinfo=UTC)


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    """A server at which no worker runs."""
    async with temporal_server() as server:
        yield server.client


def watch_of(client: Client) -> Watch:
    """Looks at this server, for all accounts."""
    return Watch(client, ConfigurationInUse(configuration(dict.fromkeys(ACCOUNTS, Holding()))))


async def begun(client: Client, workflow_id: str, phase: Phase, queue: str = NOBODY) -> WorkflowHandle[object, object]:
    """A live run that says it is in this phase; no worker has it."""
    attributes = [SearchAttributePair(PHASE, phase.value), SearchAttributePair(EXECUTION_MODE, "rebalance")]
    return await client.start_workflow(
        WORKFLOW_TYPE, id=workflow_id, task_queue=queue, search_attributes=TypedSearchAttributes(attributes)
    )


async def shown(watch: Watch, account: str, phase: str) -> Board:
    """The board, once the account is told to be in this phase."""
    found = Board()

    async def is_so() -> bool:
        nonlocal found
        found = await watch.board()
        status = found.status(account)
        return status is not None and status.phase == phase

    await until(is_so)
    return found


async def test_a_halt_is_told_whatever_runs_under_its_id(client: Client) -> None:
    """Anybody with the plain command may set one, and only the id counts."""
    await client.start_workflow("Stop", id=HALT_ID, task_queue=NOBODY)
    await client.start_workflow("Pause", id="coffee", task_queue=NOBODY)
    watch = watch_of(client)

    async def is_told() -> bool:
        return [halt.what for halt in (await watch.board()).installation.halts] == ["trading is halted"]

    await until(is_told)


async def test_a_server_without_a_worker_is_not_taken_for_one_that_is_away(client: Client) -> None:
    for account in ACCOUNTS:
        await begun(client, f"rebalance-{account}", Phase.NEEDS_OPERATOR)
    board = await shown(watch_of(client), "DU5", Phase.NEEDS_OPERATOR)
    assert board.problem == ""
    assert {each.detail for each in board.statuses} == {"no worker answers"}


async def test_a_run_that_was_ended_by_hand_is_told_so(client: Client) -> None:
    handle = await begun(client, "rebalance-DU1", Phase.BUYING)
    watch = watch_of(client)
    await shown(watch, "DU1", Phase.BUYING)
    await handle.terminate()
    assert (await shown(watch, "DU1", "terminated")).problem == ""


async def test_no_page_leads_to_what_somebody_else_started_by_another_name(client: Client) -> None:
    for name in ("../../halt", "<script>", "DU1?x="):
        await begun(client, f"rebalance-{name}", Phase.NEEDS_OPERATOR)
    await begun(client, "rebalance-DU77", Phase.NEEDS_OPERATOR)
    board = await shown(watch_of(client), "DU77", Phase.NEEDS_OPERATOR)
    assert {each.account for each in board.statuses} == {*ACCOUNTS, "DU77"}


@workflow.defn(name=WORKFLOW_TYPE)
class _OfAnotherVersion:
    """Returns what nobody can read any more."""

    @workflow.run
    async def run(self) -> dict[str, object]:
        """Return it."""
        return {"outcome": {"account": 7}}


async def test_a_run_whose_outcome_cannot_be_read_hides_no_other(client: Client) -> None:
    worker = Worker(
        client, task_queue="old", workflows=[_OfAnotherVersion], workflow_runner=UnsandboxedWorkflowRunner()
    )
    async with worker:
        handle = await begun(client, "rebalance-DU1", Phase.COMPLETED, "old")
        await handle.result()
    await begun(client, "rebalance-DU2", Phase.BUYING)
    watch = watch_of(client)
    board = await shown(watch, "DU2", Phase.BUYING)
    assert (board.problem, board.measured("DU1")) == ("", None)


async def test_a_run_that_finds_nothing_to_do_hides_nothing_of_the_one_before() -> None:
    async with house({"DU1": Holding()}, workers=0) as own:
        watch = Watch(own.client, own.in_use)
        async with own.working():
            await (await own.trigger("DU1")).result()
            before = (await shown(watch, "DU1", Phase.COMPLETED)).status("DU1")
        again = await own.trigger("DU1")  # the same event
        await shown(watch, "DU1", Phase.STARTING)
        async with own.working():
            await again.result()
            after = (await shown(watch, "DU1", Phase.COMPLETED)).status("DU1")
        assert before
        assert after
        assert (after.run_id, after.is_running) == (before.run_id, False)


def test_what_a_run_came_to_is_told_of_no_other_run() -> None:
    """After one that failed, the outcome before it still tells what is held, and nothing else."""
    came = Outcome(
        account="DU1",
        strategy="s",
        mode=ExecutionMode.REBALANCE,
        event_ids=("e",),
        phase=Phase.COMPLETED,
        started_at=NOW,
        finished_at=NOW,
    )
    board = Board(outcomes={"DU1": Known("first", came)})
    failed = AccountStatus("DU1", Phase.FAILED, run_id="second")
    assert (board.outcome_of(failed), board.measured("DU1")) == (None, came)
    assert board.outcome_of(AccountStatus("DU1", Phase.COMPLETED, run_id="first")) == came
