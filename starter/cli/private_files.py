"""Files that are their owner's alone: keys in ``.env``, holdings and orders in Temporal's database."""

import stat
from pathlib import Path
from typing import Final

PRIVATE: Final = (".env", "*.db", "*.db-*", "*.db.*")
"""What stands in the folder where the commands run: the keys, and the database with what is kept beside it."""

OTHERS: Final = 0o077
"""The permissions of everybody but the owner."""


def open_to_others(folder: Path) -> tuple[Path, ...]:
    """The private files in ``folder`` that other users of this machine may read or write, in alphabetical order."""
    found = {path for pattern in PRIVATE for path in folder.glob(pattern)}
    return tuple(sorted(path for path in found if is_open(path)))


def is_open(path: Path) -> bool:
    """Whether others than its owner may read or write it."""
    try:
        mode = path.stat().st_mode
    except OSError:  # SQLite takes its files away when it is done
        return False
    return stat.S_ISREG(mode) and bool(mode & OTHERS)
