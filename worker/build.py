"""Which release of this program runs here, told from every other by its number and by what its workflow code says."""

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Final

from contract.releases import Release

ROOT: Final = Path(__file__).resolve().parent.parent

DECIDES_REPLAY: Final = ("workflows", "contract", "rebalancing")
"""Whatever workflow code is made of: it imports nothing else of ours. Some of it never runs in a workflow; a change of
that makes a new build too, which costs one look at the runs that are open. The reverse would cost a run."""

DIGITS: Final = 12


@cache
def own_release() -> Release:
    """The release that runs in this process, as its files were when it was first asked for."""
    digest = hashlib.sha256()
    for folder in DECIDES_REPLAY:
        for path in sorted((ROOT / folder).rglob("*.py")):
            digest.update(f"{path.relative_to(ROOT).as_posix()}\0".encode())
            digest.update(path.read_bytes() + b"\0")
    return Release(version("rebalancer"), digest.hexdigest()[:DIGITS])
