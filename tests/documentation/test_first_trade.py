"""docs/start/simulated.md, typed as it stands, from an empty folder to an approved trade."""

import shlex
from functools import partial
from pathlib import Path
from typing import Final

from rebalancing.outcomes import Phase
from starter.cli.mistakes import DONE, WAITS_FOR_YOU
from testbed.waiting import until
from tests.cli.command import Desk, desk, up
from tests.documentation.blocks import Block, blocks, lines_of
from tests.source_tree import ROOT

PAGE: Final = ROOT / "docs" / "start" / "simulated.md"

WAITING: Final = ("run DU1000002 --live --wait --yes", "status DU1000002")
"""What the page says ends with exit status 3."""


def parts() -> tuple[list[Block], Block, list[Block]]:
    """The blocks before that of ``accounts.yaml``, it, and those after it."""
    every = list(blocks("sh", "yaml", pages=[PAGE]))
    (at,) = [number for number, block in enumerate(every) if block.language == "yaml"]
    return every[:at], every[at], every[at + 1 :]


async def typed(own: Desk, part: list[Block]) -> int:
    """Type what comes after ``up``; how many lines that were."""
    lines = [line.removeprefix("rebalancer ") for block in part for line in lines_of(block)]
    lines = lines[lines.index("up --simulated") + 1 :] if "up --simulated" in lines else lines
    for line in lines:
        answer = await own.run(*shlex.split(line))
        expected = {WAITS_FOR_YOU} if line in WAITING else {DONE}
        if line == "status":  # while trading is halted, what was approved may wait for that
            expected.add(WAITS_FOR_YOU)
        assert answer.status in expected, (line, answer)
    return len(lines)


async def test_the_first_trade_goes_as_the_page_says(tmp_path: Path) -> None:
    before, accounts, after = parts()
    own = desk(tmp_path, accounts=None)
    async with up(own, "--simulated"):
        assert await typed(own, before) == 5
    (tmp_path / "accounts.yaml").write_text(accounts.text, encoding="utf-8")
    async with up(own, "--simulated"):
        assert await typed(own, after) == 7
        await until(partial(has_completed, own))


async def has_completed(own: Desk) -> bool:
    return any((each["account"], each["phase"]) == ("DU1000002", Phase.COMPLETED) for each in await own.standings())
