"""``make newcomer``: what README has somebody type who never saw this, in a clone of its own and an empty home.

Prints how long the machine takes for each line, without the time that people take to read and to type.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from testbed.addresses import clean_environment
from tests.documentation.blocks import blocks, lines_of
from tests.source_tree import ROOT

README: Final = ROOT / "README.md"

ACTIVATE: Final = "source .venv/bin/activate"

UP: Final = "rebalancer up --simulated"
"""What stays until Ctrl-C, while the next lines are typed elsewhere; the demo ends by itself without a terminal."""

IS_UP: Final = "gateway is the simulated gateway"
"""What it says last."""

RUNS_WITHIN: Final = 600.0
"""Seconds; the first line installs."""

ENDS_WITHIN: Final = 60.0


def lines() -> list[str]:
    """What README says under "Try it", in its order."""
    text = README.read_text(encoding="utf-8")
    first = text[: text.index("## Try it")].count("\n")
    last = text[: text.index("## What happens next")].count("\n")
    return [line for block in blocks("sh", pages=[README]) if first < block.line < last for line in lines_of(block)]


class Newcomer:
    """A home with a clone in it, and a shell."""

    def __init__(self, home: Path) -> None:
        self.clone = home / "rebalancer"
        self._environment = {**clean_environment(), "HOME": str(home)}
        self._environment.pop("VIRTUAL_ENV", None)
        self._began = time.monotonic()

    def told(self, line: str, began: float) -> None:
        """Write down what a line took, and how much it is since the beginning."""
        now = time.monotonic()
        sys.stdout.write(f"{now - began:7.1f} s {now - self._began:7.1f} s  {line}\n")
        sys.stdout.flush()

    @contextmanager
    def typed(self, line: str) -> Generator[subprocess.Popen[str]]:
        """Type a line into a new terminal, where the environment is brought in unless ``make`` is to make it.

        Ctrl-C ends what still runs after the block, whatever became of that.
        """
        process = subprocess.Popen(
            ["bash", "-c", line if line.startswith(("make", "git")) else f"{ACTIVATE} && {line}"],
            cwd=self.clone if self.clone.exists() else self.clone.parent,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # so that Ctrl-C is for it and all that it starts
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGINT)
            process.communicate(timeout=ENDS_WITHIN)

    def run(self, line: str) -> None:
        """A line that ends by itself."""
        began = time.monotonic()
        with self.typed(line) as process:
            output, _ = process.communicate(timeout=RUNS_WITHIN)
        if process.returncode:
            raise SystemExit(f"{line} ended with {process.returncode}:\n{output}")
        self.told(line, began)

    @contextmanager
    def up(self) -> Generator[None]:
        """The line that stays, from when all is up to the end of the block."""
        began = time.monotonic()
        with self.typed(UP) as process:
            assert process.stdout is not None
            output = ""
            while IS_UP not in output:
                part = process.stdout.readline()
                if not part:
                    raise SystemExit(f"{UP} ended with {process.wait()}:\n{output}")
                output += part
            self.told(UP, began)
            yield


def main() -> None:
    """Type all of it."""
    typed = [line for line in lines() if line != ACTIVATE]
    at = typed.index(UP)
    with tempfile.TemporaryDirectory() as folder:
        reader = Newcomer(Path(folder))
        sys.stdout.write("     line  together\n")
        for line in (f"git clone --quiet {ROOT} rebalancer", *typed[:at]):
            reader.run(line)
        with reader.up():
            for line in typed[at + 1 :]:
                reader.run(line)


if __name__ == "__main__":
    main()
