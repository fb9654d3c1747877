"""What continuous integration runs where nothing tells the commit: in a tree without its history."""

import os
import shutil
import subprocess
from pathlib import Path

from tests.source_tree import ROOT

MAKE = """\
#!/bin/sh
echo "$@" >>calls
"""
"""Notes what it was called with."""


def calls(folder: Path, **variables: str) -> list[str]:
    """What a copy of ``.ci/run`` calls ``make`` with, in a folder of its own."""
    (folder / "bin").mkdir()
    (folder / "bin" / "make").write_text(MAKE, encoding="utf-8")
    (folder / "bin" / "make").chmod(0o755)
    (folder / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", folder / ".ci")
    own = {
        **os.environ,
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        "GIT_CEILING_DIRECTORIES": str(folder.parent),
    }
    subprocess.run([folder / ".ci" / "run"], env=own | variables, check=True, timeout=60)
    return (folder / "calls").read_text(encoding="utf-8").splitlines()


def test_without_a_history_the_first_third_of_the_faults_is_tried(tmp_path: Path) -> None:
    assert calls(tmp_path) == ["lint", "test", "test-faults ARGS=--part 0/3", "chaos N=50 SEED=7 FUZZ=no"]


def test_so_it_is_where_git_cannot_be_used(tmp_path: Path) -> None:
    assert "test-faults ARGS=--part 0/3" in calls(tmp_path, GIT_DIR="/nowhere")
