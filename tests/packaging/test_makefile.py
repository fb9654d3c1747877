"""``make`` finds a Python that does, whatever it is called, or says in one line what to install."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.source_tree import ROOT

MAKE = shutil.which("make")
pytestmark = pytest.mark.skipif(MAKE is None, reason="make is not installed")

PRETEND = """\
#!/bin/sh
exec {real} -c '
import sys
sys.version_info = ({version}, 0)
{more}
exec(sys.argv[1])
' "$2"
"""
"""A Python that takes itself for another version, when it is asked with -c."""

BROKEN = "#!/bin/sh\nexit 127\n"
"""What pyenv puts in the path for versions that are installed but not chosen."""


def pretend(version: str, more: str = "") -> str:
    return PRETEND.format(real=sys.executable, version=version.replace(".", ","), more=more)


def without(module: str) -> str:
    return f"sys.modules[{module!r}] = None"


def made(folder: Path, pythons: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """What ``make`` would do to have an environment where only these are in the path."""
    assert MAKE is not None
    (folder / "bin").mkdir()
    for name, script in pythons.items():
        (folder / "bin" / name).write_text(script, encoding="utf-8")
        (folder / "bin" / name).chmod(0o755)
    for file in (ROOT / "Makefile", ROOT / "pyproject.toml", *ROOT.glob("requirements-*.txt")):
        shutil.copy(file, folder)
    own = {name: value for name, value in os.environ.items() if name not in ("PYTHON", "MAKEFLAGS", "MAKELEVEL")}
    return subprocess.run(
        [MAKE, "--dry-run", "lint", *arguments],
        cwd=folder,
        env=own | {"PATH": str(folder / "bin")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("pythons", "taken"),
    [
        ({"python3.11": pretend("3.11")}, "python3.11"),
        ({"python3.12": pretend("3.12")}, "python3.12"),
        ({"python3.13": pretend("3.13")}, "python3.13"),
        ({"python3": pretend("3.13")}, "python3"),
        ({"python": pretend("3.12")}, "python"),
        ({"python3": pretend("3.14"), "python3.13": pretend("3.13")}, "python3.13"),
        ({"python3": pretend("3.10"), "python": pretend("3.11")}, "python"),
        ({"python3.11": BROKEN, "python3.12": pretend("3.12")}, "python3.12"),
        ({"python3.11": pretend("3.11", without("ensurepip")), "python3": pretend("3.12")}, "python3"),
        ({"python3.11": pretend("3.11", without("venv")), "python3": pretend("3.12")}, "python3"),
    ],
)
def test_a_python_that_does_is_found(tmp_path: Path, pythons: dict[str, str], taken: str) -> None:
    done = made(tmp_path, pythons)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0] == f"{taken} -m venv .venv"


@pytest.mark.parametrize(
    "pythons",
    [
        {},
        {"python3": pretend("3.10")},
        {"python3": pretend("3.14"), "python": pretend("3.14")},
        {"python3.11": BROKEN, "python3": pretend("3.11", without("ensurepip"))},
    ],
)
def test_where_there_is_none_one_line_says_what_to_install(tmp_path: Path, pythons: dict[str, str]) -> None:
    done = made(tmp_path, pythons)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    for word in ("3.11, 3.12 or 3.13", "apt install", "brew install", "PYTHON=/path/to/python"):
        assert word in line


def test_one_that_is_named_is_taken(tmp_path: Path) -> None:
    done = made(tmp_path, {"python3.11": pretend("3.11")}, "PYTHON=/opt/python")
    assert done.stdout.splitlines()[0] == "/opt/python -m venv .venv"
