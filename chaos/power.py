"""A database as a power cut leaves it: a consistent copy from a moment before is put back."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

DATABASE: Final = "temporal.db"
BESIDE: Final = ("-wal", "-shm")
"""Endings of the files that SQLite keeps beside a database; what they hold is newer than the copy."""


def copy_database(database: Path, copy: Path) -> None:
    """Copy what is committed now, while others go on writing."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=10)) as source:
        copy.unlink(missing_ok=True)
        with closing(sqlite3.connect(copy)) as target:
            source.backup(target)


def put_back(copy: Path, database: Path) -> None:
    """Have the database be what it was when it was copied. Nothing may have it open."""
    for ending in BESIDE:
        database.with_name(database.name + ending).unlink(missing_ok=True)
    copy.replace(database)
