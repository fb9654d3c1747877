"""Every line of the ``rebalancer`` command in the documents, typed into a shell in the order of its page.

Each page has an empty home of its own, and a house once one is needed. What a line needs and does is in
``rebalancer_deeds.py``. Ports that may be taken are changed to free ones, as are the hash of a plan and an order's ref
to those that there are.
"""

from pathlib import Path
from typing import Final

import pytest

from activities.gateway import order_desk
from tests.cli.test_simulated import commands_of_the_readme
from tests.documentation.blocks import PAGES
from tests.documentation.rebalancer_deeds import deed_of
from tests.documentation.rebalancer_home import Typing, home
from tests.documentation.typed_lines import TypedLine, typed_lines
from tests.source_tree import ROOT

PAGES_ELSEWHERE: Final = {
    "README.md": "tests/cli/test_simulated.py",
    "simulated.md": "tests/documentation/test_first_trade.py",
}
"""Pages whose lines are all typed by a test of their own."""

LINES_ELSEWHERE: Final = {
    "rebalancer up --simulated": "tests/cli/test_simulated.py",
    "rebalancer demo --exit": "tests/cli/test_demo.py",
    "rebalancer rehearse DU7654321 --faults": "tests/cli/test_rehearse.py",
    "rebalancer rehearse --faults": "tests/cli/test_rehearse.py",
}
"""Lines of other pages that are, with their result as JSON or ports that are free."""

LONGEST: Final = 300
"""Seconds: a page has up to fifty lines, each a process of its own, and the machine may be busy."""


REFERENCE: Final = ROOT / "docs" / "reference"
"""Its examples stand each for itself, by name: one that another page has is typed there."""


def own_lines(page: Path) -> list[TypedLine]:
    """Those that are typed here."""
    if page.name in PAGES_ELSEWHERE:
        return []
    elsewhere = set(LINES_ELSEWHERE)
    if page.parent == REFERENCE:
        others = [each for each in PAGES if each.parent != REFERENCE and each.name not in PAGES_ELSEWHERE]
        elsewhere |= {line.text for line in typed_lines("rebalancer", pages=others)}
    return [line for line in typed_lines("rebalancer", pages=[page]) if line.text not in elsewhere]


@pytest.mark.timeout(LONGEST)
@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if own_lines(page)], ids=lambda page: page.name)
async def test_a_pages_lines_do_what_they_are_for(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order_desk, "ACKNOWLEDGE_TIMEOUT", 0.5)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    async with home(tmp_path) as own:
        for found in own_lines(page):
            deed = deed_of(found.text)
            assert deed is not None, f"{found.name}: say in rebalancer_deeds.py what it does"
            line = Typing(found.text)
            async with deed(own, line):
                await own.type(line)
                assert line.answer.status == line.status, f"{found.name}: {line.answer}"
                assert "Traceback" not in line.told, found.name


def test_what_is_typed_elsewhere_is_there() -> None:
    tests = {*PAGES_ELSEWHERE.values(), *LINES_ELSEWHERE.values()}
    assert [test for test in tests if not (ROOT / test).exists()] == []
    lines = list(typed_lines("rebalancer"))
    assert PAGES_ELSEWHERE.keys() - {line.block.page.name for line in lines} == set()
    assert LINES_ELSEWHERE.keys() - {line.text for line in lines} == set()


def test_all_lines_of_the_readme_are_typed_there() -> None:
    lines = typed_lines("rebalancer", pages=[ROOT / "README.md"])
    assert [line.text.split()[1:] for line in lines] == commands_of_the_readme()


def test_a_line_of_which_nobody_has_said_what_it_does_is_seen() -> None:
    assert deed_of("rebalancer stat") is None
    assert deed_of("rebalancer run DU7654321 --waits") is None
