"""No change of the workflow code asks for other commands, or in another order, without saying so."""

import json

import pytest

from tests.source_tree import parse
from tests.workflows.command_order import BASELINE, changes, command_order

BEFORE = """\
class Run:
    async def run(self):
        await self.read()
        await workflow.sleep(1, summary="a while")

    async def read(self):
        return await workflow.execute_activity_method(Contract.read, 1, summary="read")
"""


def found(text: str) -> list[str]:
    """What the check says of a change of the little workflow above."""
    before, now = (command_order([parse("workflows/run.py", each)]) for each in (BEFORE, text))
    return changes(before, now)


def test_the_commands_of_the_workflow_code_are_those_that_were_written_down() -> None:
    if told := changes(json.loads(BASELINE.read_text()), command_order()):
        pytest.fail(
            "Workflow code asks for other commands than before, so runs that are open would not go on with it:\n"
            + "\n".join(told)
            + "\nPut what is new under `if workflow.patched(NAME)` (what was there stays in its `else`), or, if no run "
            "can have come there yet or the order is only spelt otherwise, renew the record with `make command-order` "
            "and say in the commit why that is safe. docs/upgrading.md has the whole of it."
        )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("await self.read()\n        await workflow.sleep(1", "await workflow.sleep(1"),
        ("await self.read()", "await self.read()\n        await self.read()"),
        ("await self.read()", "workflow.upsert_memo({})\n        await self.read()"),
        ("Contract.read", "Contract.read_more"),
        ('await workflow.sleep(1, summary="a while")', "await workflow.wait_condition(ready, timeout=1)"),
    ],
)
def test_a_step_that_goes_comes_moves_or_is_another_is_noticed(before: str, after: str) -> None:
    assert before in BEFORE
    assert found(BEFORE.replace(before, after))


def test_a_step_under_a_patch_and_a_change_without_steps_are_let_through() -> None:
    patched = '        if workflow.patched("more"):\n            await self.read()\n        await self.read()'
    assert not found(BEFORE.replace("        await self.read()", patched))
    assert not found(BEFORE.replace("sleep(1,", "sleep(2,").replace("a while", "longer"))


def test_taking_the_patch_away_again_is_noticed() -> None:
    patched = BEFORE.replace(
        "        await self.read()", '        if workflow.patched("more"):\n            await self.read()'
    )
    before, now = (command_order([parse("workflows/run.py", each)]) for each in (patched, BEFORE))
    assert changes(before, now)
