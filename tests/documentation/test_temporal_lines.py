"""Every line of the plain ``temporal`` command in the documents, typed in the order of its page at a house of its own.

What a line names is there as it stands; only the hash of a plan, an order's ref and a release, which nobody can know
beforehand, are changed to those that there are. Lines with a seal are typed in ``tests/cli/test_sealed_lines.py``.
"""

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest

from activities.gateway import order_desk
from tests.cli.command import Desk, desk, typed
from tests.cli.test_sealed_lines import TYPED as WITH_SEALS
from tests.documentation.blocks import PAGES
from tests.documentation.temporal_deeds import ACCOUNT, deed_of
from tests.documentation.typed_lines import mentioned, typed_lines
from tests.house import Holding, House, house

SEALED: Final = '"$(rebalancer seal '

REFUSED: Final = {"worker deployment delete-version": "cannot be deleted"}
"""What the pages say is refused, for it is of our own release here, and what the server says then."""

NOWHERE: Final = "127.0.0.1:1"
"""Where no server is: a line that is understood fails by that."""


@asynccontextmanager
async def at_home(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[tuple[House, Desk]]:
    """A house without a key, whose account asks before it trades, and an empty home with a shell."""
    monkeypatch.setattr(order_desk, "ACKNOWLEDGE_TIMEOUT", 0.5)
    asking = Holding(weights={"QQQ": "1"}, more={"approval": {"required": "always"}})
    async with house({ACCOUNT: asking}) as own:
        yield own, desk(folder, None, **own.variables)


@pytest.mark.parametrize(
    "page", [page for page in PAGES if any(typed_lines("temporal", pages=[page]))], ids=lambda page: page.name
)
async def test_a_pages_lines_do_what_they_are_for(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with at_home(tmp_path, monkeypatch) as (own, operator):
        for line in typed_lines("temporal", pages=[page]):
            if SEALED in line.text:
                assert page.name in WITH_SEALS
                continue
            async with deed_of(line.text)(own) as changed:
                text = line.text
                for pattern, there in changed.items():
                    text = re.sub(pattern, there, text)
                answer = await typed(operator, text)
                refusal = next((words for start, words in REFUSED.items() if start in text), "")
                assert (answer.status == 0) is (not refusal), f"{line.name}: {answer}"
                assert refusal in answer.errors


async def test_what_is_mentioned_of_it_is_understood(tmp_path: Path) -> None:
    nowhere = desk(tmp_path, None, TEMPORAL_ADDRESS=NOWHERE)

    async def fault(line: str) -> str:
        """What is wrong with a line but that no server is there. It may be the beginning of one."""
        command = line.partition(" --")[0]
        told = await typed(nowhere, f"{command} --help")
        if not re.search(rf"^  {command} \[", told.output, re.MULTILINE):
            return f"{line}: no such command"
        answer = await typed(nowhere, line)
        rest = re.search(r"required flag|flag needs an argument|failed connecting", answer.errors)
        return "" if rest or answer.output.startswith(told.output[:40]) else f"{line}: {answer}"

    lines = {line.text.replace(".venv/bin/", "") for line in mentioned("temporal", ".venv/bin/temporal")}
    found = await asyncio.gather(*(fault(line) for line in lines if "server start-dev" not in line))
    assert [each for each in found if each] == []


async def test_a_line_that_is_not_understood_is_seen(tmp_path: Path) -> None:
    nowhere = desk(tmp_path, None, TEMPORAL_ADDRESS=NOWHERE)
    answer = await typed(nowhere, "temporal workflow list --querry \"Phase = 'halted'\"")
    assert (answer.status, "unknown flag" in answer.errors) == (1, True)
