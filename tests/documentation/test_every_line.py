"""Every line that somebody types is tried in a way of its kind; one of a new kind fails until somebody decides."""

from typing import Final

import pytest

from tests.documentation.blocks import Block, blocks
from tests.documentation.typed_lines import SHELL, TypedLine, typed_lines
from tests.source_tree import ROOT

HERE: Final = ROOT / "tests" / "documentation"

WAYS: Final = {
    "rebalancer": "test_rebalancer_lines.py",
    "eval": "../cli/test_sealed_lines.py",
    "temporal": "test_temporal_lines.py",
    "curl": "test_curl_lines.py",  # and test_http_page.py
    "make": "test_make_lines.py",
    "pytest": "test_make_lines.py",
    "docker-compose": "test_container_lines.py",
    "deploy/secrets.sh": "test_container_lines.py",
    "install": "test_container_lines.py",
    "cp": "test_container_lines.py",
    "source": "test_shell_lines.py",
    "pip": "test_shell_lines.py",
    "=": "test_shell_lines.py",
}
"""Where the lines of each program are typed, or held against what it takes. ``eval`` is given a command of ours."""

LEFT_OUT: Final = {
    "git clone …": "where from, is the reader's to know",
    "cd …": "the same",
    "$EDITOR rebalancing/guards.py": "waits for a person",
    "ruff format .": "changes files; `make lint` runs it with --check",
    "sudo deploy/systemd/install.sh": "for root; it was run in a container (docs/deployment.md), and needs its tools",
    "python3 -m venv /opt/rebalancer-0.2.0": "for root; tests/packaging/test_wheel.py makes and fills such a one",
}
"""What is not tried, and why."""

OTHERS: Final = ("yaml", "json", "text", "")
"""The languages of blocks that nobody types."""


def every_line() -> list[TypedLine]:
    return [TypedLine(line.block, line.text.replace(".venv/bin/", "")) for line in typed_lines()]


@pytest.mark.parametrize("line", every_line(), ids=lambda line: line.name)
def test_a_line_is_of_a_kind_that_is_tried_or_named_as_one_that_is_not(line: TypedLine) -> None:
    assert line.program in WAYS or line.text in LEFT_OUT, f"{line.name}: decide in {__name__} how it is tried"


def test_what_is_named_is_there() -> None:
    lines = every_line()
    assert LEFT_OUT.keys() - {line.text for line in lines} == set()
    assert WAYS.keys() - {line.program for line in lines} == set()
    assert [file for file in WAYS.values() if not (HERE / file).exists()] == []


@pytest.mark.parametrize("block", list(blocks(*OTHERS)), ids=lambda block: block.name)
def test_a_block_that_is_not_for_a_shell_has_no_command(block: Block) -> None:
    firsts = {line.split()[0] for line in block.text.splitlines() if line.strip()}
    assert firsts & {*WAYS, "docker", "sudo", "$"} == set(), "say ```sh"


def test_no_block_is_in_a_language_that_nobody_looks_at() -> None:
    looked_at = {*SHELL, *OTHERS}
    fences = [
        f"{page}:{number}"
        for page in sorted({block.page for block in blocks(*looked_at)})
        for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1)
        if line.strip().startswith(("```", "~~~")) and line.strip(" `") not in looked_at
    ]
    assert fences == []
