"""What the documents have one type for containers, in the order of the page up to what starts them."""

import functools
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.documentation.blocks import PAGES
from tests.documentation.typed_lines import TypedLine, mentioned, typed_lines
from tests.source_tree import ROOT
from tests.test_compose import COMPOSE_COMMAND, PROFILES, SERVICES, needs_compose

PROGRAMS: Final = ("deploy/secrets.sh", "install", "cp", "docker-compose")
NEEDED: Final = ("docker-compose.yml", "Dockerfile", "deploy", ".env.example", "accounts.example.yaml")
STARTS: Final = "docker-compose --profile paper up --build --detach"
"""What would build and start containers; `make test-image` runs the same services."""

OF_A_SERVICE: Final = ("exec", "logs", "restart", "start", "stop", "up")

WITH_ENGINE: Final = {"docker run --rm rebalancer:local --version", "docker run rebalancer:all-in-one up --simulated"}
"""What needs the images that `make test-image` builds. docs/deployment.md says what was seen."""


def pages() -> list[Path]:
    return [page for page in PAGES if any(typed_lines(*PROGRAMS, pages=[page]))]


def typed(folder: Path, line: str) -> subprocess.CompletedProcess[str]:
    own = {"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C"}
    return subprocess.run(["sh", "-ec", line], cwd=folder, env=own, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_files_are_made_and_what_is_missing_is_said_before_anything_starts(page: Path, tmp_path: Path) -> None:
    for name in NEEDED:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, tmp_path / name)
    for line in typed_lines(*PROGRAMS, pages=[page]):
        if line.text == STARTS or (line.program == "docker-compose" and COMPOSE_COMMAND is None):
            continue
        done = typed(tmp_path, line.text)
        if line.text.endswith("config --quiet"):  # the comment beside it says so
            assert "set TWS_USERID in .env to" in done.stderr, line.name
            with (tmp_path / ".env").open("a", encoding="utf-8") as file:
                file.write("TWS_USERID=somebody\n")
            done = typed(tmp_path, line.text)
        assert (done.returncode, done.stderr) == (0, ""), line.name
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "accounts.yaml").exists()


def compose_lines() -> list[TypedLine]:
    return [*typed_lines("docker-compose"), *mentioned("docker-compose")]


@functools.cache
def told(*words: str) -> str:
    return subprocess.run([str(COMPOSE_COMMAND), *words, "--help"], capture_output=True, text=True, check=True).stdout


@needs_compose
@pytest.mark.parametrize("line", compose_lines(), ids=lambda line: line.name)
def test_docker_compose_knows_the_command_its_options_and_the_services(line: TypedLine) -> None:
    _, *words = shlex.split(line.text.partition(" > ")[0])
    while words[0] == "--profile":
        _, profile, *words = words
        assert profile in PROFILES
    command, *rest = words
    assert re.search(rf"^  {command}\b", told(), re.MULTILINE), command
    options = {word for word in rest if word.startswith("--")}
    assert [option for option in options if option not in told(command)] == []
    if command in OF_A_SERVICE:
        named = [word for word in rest if not word.startswith("-")]
        assert set(named[:1] if command == "exec" else named) - SERVICES.keys() == set()


def test_services_and_containers_are_spoken_to_by_one_program() -> None:
    assert {line.text for line in mentioned("docker")} == WITH_ENGINE


def test_every_file_of_a_secret_that_a_page_names_is_made() -> None:
    made = (ROOT / "deploy" / "secrets.sh").read_text(encoding="utf-8")
    named = {found for page in PAGES for found in re.findall(r"`secrets/(\w+)`", page.read_text(encoding="utf-8"))}
    assert {name for name in named if name not in made} == set()
