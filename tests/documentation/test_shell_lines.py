"""What else the documents have one type or write: ``source``, ``pip``, ``python -m``, and lines of ``.env``."""

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import apprise
import pytest
import yaml

from configuration.environment import Connections
from tests.documentation.blocks import blocks
from tests.documentation.typed_lines import TypedLine, mentioned, typed_lines
from tests.source_tree import ROOT

ACTIVATE: Final = Path(sys.executable).parent / "activate"

OF_OTHERS: Final = ("sqlite3", "systemd-analyze")
"""Programs that stand within the text only, and need not be here."""


@pytest.mark.skipif(not ACTIVATE.exists(), reason="not run from an environment")
@pytest.mark.parametrize("line", list(typed_lines("source")), ids=lambda line: line.name)
def test_what_is_sourced_brings_both_commands_into_the_path(line: TypedLine, tmp_path: Path) -> None:
    (tmp_path / ".venv").symlink_to(ACTIVATE.parent.parent)
    script = f"{line.text}\ncommand -v rebalancer temporal"
    done = subprocess.run(["bash", "-ec", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert [Path(found).name for found in done.stdout.split()] == ["rebalancer", "temporal"]
    assert {Path(found).parent.resolve() for found in done.stdout.split()} == {ACTIVATE.parent.resolve()}


@pytest.mark.parametrize("line", list(typed_lines("pip")), ids=lambda line: line.name)
def test_pip_takes_the_line(line: TypedLine, tmp_path: Path) -> None:
    """Without an index it can find nothing; a line that it does not understand ends with exit status 2 before that."""
    _, *words = shlex.split(line.text)
    command = [sys.executable, "-m", "pip", *words, "--dry-run", "--no-index", "--find-links", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    assert {word.partition("==")[0] for word in words if not word.startswith("-")} == {"install", "rebalancer"}


def test_a_line_that_pip_does_not_understand_is_seen(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pip", "install", "--upgrade-all", "rebalancer", "--no-index"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 2


def assignments() -> list[TypedLine]:
    return list(typed_lines("="))


@pytest.mark.parametrize("line", assignments(), ids=lambda line: line.name)
def test_a_line_of_dotenv_is_read(line: TypedLine, tmp_path: Path) -> None:
    name, _, value = line.text.partition("=")
    (tmp_path / ".env").write_text(f"{line.text}\n", encoding="utf-8")
    read = Connections(_env_file=tmp_path / ".env")  # pyright: ignore[reportCallIssue]  # pydantic-settings adds it
    if receiver := re.fullmatch(r"ALERT_(\w+)_URL", name):
        named = {each for block in blocks("yaml", pages=[line.block.page]) for each in receivers_of(block.text)}
        assert receiver[1].lower() in named
        if "…" not in value:
            assert apprise.Apprise.instantiate(value) is not None
    else:
        assert name.lower() in read.model_fields_set


def receivers_of(text: str) -> list[str]:
    """The receivers of alerts that a block of ``accounts.yaml`` names."""
    return list(yaml.safe_load(text).get("alerts", {}).get("receivers", {}))


@pytest.mark.parametrize("line", list(mentioned("python", ".venv/bin/python")), ids=lambda line: line.name)
def test_python_finds_the_module_and_it_has_the_options(line: TypedLine) -> None:
    _, *words = shlex.split(line.text)
    if words[0] != "-m":
        assert (ROOT / words[0]).exists()
        return
    found = importlib.util.find_spec(words[1])
    assert found is not None
    assert found.origin is not None
    own = Path(found.origin)
    sources = [own, *own.parent.glob("*.py")]
    text = "".join(source.read_text(encoding="utf-8") for source in sources)
    assert [word for word in words[2:] if word.startswith("--") and f'"{word}"' not in text] == []


@pytest.mark.parametrize("line", list(mentioned(*OF_OTHERS)), ids=lambda line: line.name)
def test_a_program_of_others_has_the_command(line: TypedLine) -> None:
    program, *words = shlex.split(line.text)
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    if program == "systemd-analyze":  # what it says needs a system that systemd runs
        told = subprocess.run([program, "--help"], capture_output=True, text=True, check=True).stdout
        assert re.search(rf"^\s+{words[0]}\b", told, re.MULTILINE)
    else:
        done = subprocess.run([program, ":memory:", *words[1:]], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("line", list(typed_lines("sudo")), ids=lambda line: line.name)
def test_what_is_run_as_root_is_there(line: TypedLine) -> None:
    _, script = line.text.split()
    assert os.access(ROOT / script, os.X_OK)
