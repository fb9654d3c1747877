"""The wheel, installed elsewhere: everything that is needed is in it, and nothing of the checkout is."""

import json
import shutil
import site
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Final

import pytest

from tests.cli.command import Desk, up
from tests.source_tree import APPLICATION, ROOT
from worker.temporal import temporal_command

SHIPPED: Final = (*APPLICATION, "testbed", "simulator")
"""The folders that are for those who use the application; the others are for those who change it."""


@pytest.fixture(autouse=True)
def _no_other_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONPATH", raising=False)


def pip(*arguments: str | Path) -> None:
    """Run our own pip: the environment of the test has none."""
    done = subprocess.run(
        [sys.executable, "-m", "pip", *arguments, "--quiet", "--no-deps", "--no-index"],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of the files as they are, built from a copy: setuptools would take what older builds left behind."""
    source, built = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for folder in SHIPPED:
        shutil.copytree(ROOT / folder, source / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, source)
    pip("wheel", "--no-build-isolation", "--wheel-dir", built, source)
    (found,) = built.iterdir()
    return found


@pytest.fixture(scope="module")
def elsewhere(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the commands of an environment that holds the wheel, and besides it what the lock names."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], timeout=60, check=True)
    pip("--python", folder / "bin" / "python", "install", wheel)
    (packages,) = folder.glob("lib/*/site-packages")
    # Installing it all anew would take minutes. A path in a .pth file brings the packages there, and no checkout: what
    # makes one importable is a .pth file itself, and those count only in an environment's own folder.
    (packages / "locked.pth").write_text("\n".join(site.getsitepackages()), encoding="utf-8")
    (folder / "bin" / "temporal").symlink_to(temporal_command())
    return folder / "bin"


def test_it_holds_every_file_of_what_it_is_made_of(wheel: Path) -> None:
    files = {
        path.relative_to(ROOT).as_posix()
        for folder in SHIPPED
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with zipfile.ZipFile(wheel) as opened:
        held = {name for name in opened.namelist() if ".dist-info/" not in name}
    assert "simulator/scenarios/demo.yaml" in files
    assert held == files


def test_nothing_of_the_checkout_is_used(elsewhere: Path, tmp_path: Path) -> None:
    asked = "import starter, simulator; print(starter.__file__); print(simulator.__file__)"
    told = subprocess.run(
        [elsewhere / "python", "-c", asked], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True
    )
    assert [Path(line).is_relative_to(elsewhere.parent) for line in told.stdout.split()] == [True, True]


async def test_the_demo_runs(elsewhere: Path, tmp_path: Path) -> None:
    own = Desk(tmp_path, program=str(elsewhere / "rebalancer"))
    answer = await own.run("demo", "--exit", "--json", "result.json")
    assert answer.status == 0, answer.output + answer.errors
    result = json.loads((tmp_path / "result.json").read_text(encoding="utf-8"))
    assert [account["status"] for account in result["accounts"]] == ["completed"] * 6


async def test_so_does_what_the_readme_does_by_hand(elsewhere: Path, tmp_path: Path) -> None:
    own = Desk(tmp_path, program=str(elsewhere / "rebalancer"))
    async with up(own, "--simulated"):
        answer = await own.run("run", "DU1000001", "--live", "--wait")
    assert answer.status == 0, answer.output + answer.errors


@pytest.fixture
def without_stand_ins(elsewhere: Path, tmp_path: Path) -> Desk:
    """The commands in an environment without the extra ``local``."""
    hidden = tmp_path / "hidden" / "aiohttp.py"
    hidden.parent.mkdir()
    hidden.write_text("raise ModuleNotFoundError('No module named aiohttp', name='aiohttp')\n", encoding="utf-8")
    variables = {"PYTHONPATH": str(hidden.parent), "XDG_CONFIG_HOME": str(tmp_path)}
    return Desk(tmp_path, variables, program=str(elsewhere / "rebalancer"))


@pytest.mark.parametrize("command", [["demo"], ["simulate", "gateway"]])
async def test_what_needs_the_stand_ins_says_so_where_they_are_not_installed(
    without_stand_ins: Desk, command: list[str]
) -> None:
    answer = await without_stand_ins.run(*command)
    assert answer.status == 1
    assert answer.errors.strip() == (
        "This needs the stand-ins, which are not installed here: pip install 'rebalancer[local]'."
    )


@pytest.mark.parametrize("command", ["worker", "listen", "serve", "check", "status"])
async def test_what_is_deployed_needs_no_stand_ins(without_stand_ins: Desk, command: str) -> None:
    """It comes as far as to the accounts that are not configured."""
    (without_stand_ins.folder / "accounts.yaml").write_text("accounts: 1\n", encoding="utf-8")
    answer = await without_stand_ins.run(command)
    assert "accounts.yaml" in answer.errors + answer.output
    assert "aiohttp" not in answer.errors
    assert "Traceback" not in answer.errors
