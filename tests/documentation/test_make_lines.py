"""Every ``make`` of the documents is one that the Makefile takes, every ``pytest`` one of tests that are there."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.documentation.typed_lines import TypedLine, mentioned, typed_lines
from tests.source_tree import ROOT

MAKE: Final = shutil.which("make")
MAKEFILE: Final = (ROOT / "Makefile").read_text(encoding="utf-8")

COMMANDS: Final = sorted({line.text for line in [*typed_lines("make"), *mentioned("make")]})


@pytest.mark.skipif(MAKE is None, reason="make is not installed")
@pytest.mark.parametrize("command", COMMANDS)
def test_make_knows_the_target_and_what_it_is_given(command: str) -> None:
    _, target, *given = shlex.split(command)
    assert re.search(rf"^{re.escape(target)}:", MAKEFILE, re.MULTILINE), target
    for variable in (word.partition("=")[0] for word in given):
        assert re.search(rf"\$\((?:or \$\()?{variable}\b|^{variable} \?=", MAKEFILE, re.MULTILINE), variable
    done = subprocess.run(
        [str(MAKE), "--dry-run", target, *given, "MAKE=true"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def named_tests() -> list[TypedLine]:
    return [*typed_lines("pytest"), *mentioned("pytest", ".venv/bin/pytest")]


@pytest.mark.parametrize("line", named_tests(), ids=lambda line: line.name)
def test_pytest_finds_what_it_is_to_run(line: TypedLine, pytestconfig: pytest.Config) -> None:
    _, *words = shlex.split(line.text)
    for option in (word.partition("=")[0] for word in words if word.startswith("-")):
        pytestconfig.getoption(option)  # raises where there is none
    paths = [word for word in words if word.startswith("tests")]
    assert paths
    assert [path for path in paths if not (ROOT / path).exists() and not is_a_recipes(path, line)] == []
    if "-k" in words:
        word = words[words.index("-k") + 1]
        assert any(word in file.read_text(encoding="utf-8") for path in paths for file in files_of(ROOT / path))


def is_a_recipes(path: str, line: TypedLine) -> bool:
    """Whether it is of the example that a recipe of CONTRIBUTING.md has one write."""
    return line.block.page.name == "CONTRIBUTING.md" and path == "tests/cli/test_phase.py"


def files_of(path: Path) -> list[Path]:
    return [path] if path.is_file() else list(path.rglob("*.py"))
