"""Copies of the embedded server's database: one is made while the server runs, and put back once it does not.

SQLite's own backup reads what is committed and holds no writer up for long; a copied file would lack what is only in
the ``-wal`` file. Whatever is written goes to a file beside its place first, is checked there, and takes the place in
one step: a power cut leaves the old file or the new one.
"""

import os
import secrets
import sqlite3
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from worker.database_lock import DatabaseInUse, DatabaseUnusable, sole_user_of
from worker.restored_mark import mark_restored

TEMPORAL_TABLES: Final = frozenset({"namespaces", "executions", "current_executions", "history_node", "shards"})
"""Some of the tables in which Temporal's server keeps namespaces, runs and their histories."""

BESIDE: Final = ("-wal", "-shm")
"""Endings of the files that SQLite keeps beside a database; they belong to it and to no other."""

BUSY_TIMEOUT: Final = 10.0
"""Seconds to wait for another that writes; the server writes for milliseconds."""

PAGES_A_STEP: Final = 4096
"""What is copied before others get their turn: 16 MB."""


class Copied(NamedTuple):
    """A copy: how long it is in bytes, and how many runs it has."""

    size: int
    runs: int


class PutBack(NamedTuple):
    """``before`` is where the replaced database was kept, if there was one; ``runs`` is how many the copy has."""

    before: Path | None
    runs: int


def back_up(database: Path, copy: Path, *, overwrite: bool = False) -> Copied:
    """Copy a database, whether or not a server runs on it, to a file of its owner's alone (mode 0600), and check it.

    Raises ``DatabaseUnusable``: there is no such database, the copy's file exists and is not to be overwritten, it
    cannot be written, or what was copied is damaged; an existing file is as it was then.
    """
    _require_database(database)
    if copy.exists() and (copy.is_dir() or copy.samefile(database)):
        raise DatabaseUnusable(f"{copy} is no file that a copy of {database} can be kept in; name another.")
    if copy.exists() and not overwrite:
        raise DatabaseUnusable(f"{copy} exists already; name another file, or give --overwrite.")
    with _written_beside(copy) as made:
        _copy(database, made)
        runs = _checked(made, f"What was read of {database}")
        size = made.stat().st_size
        _into_place(made, copy, overwrite=overwrite)
    return Copied(size, runs)


async def put_back(copy: Path, database: Path) -> PutBack:
    """Have a copy take the place of the database, which is kept aside, and mark it as put back.

    Nothing of the copy is changed. Raises ``DatabaseUnusable``, ``DatabaseInUse`` where a server runs on the database;
    the database is as it was then.
    """
    database = _to_be_replaced(database, copy)
    with _written_beside(database) as made:
        _copy(copy, made)
        runs = _checked(made, str(copy))
        async with _out_of_use(database):
            # Before anything is moved: whatever happens next, nobody trades by a history without knowing of this.
            mark_restored(database, copy.name)
            before = _kept_aside(database)
            os.replace(made, database)
            _through(database.parent)
    return PutBack(before, runs)


def _to_be_replaced(database: Path, copy: Path) -> Path:
    """The database's own file, where its name is a link: the link stays."""
    _require_database(copy)
    if database.exists() and copy.samefile(database):
        raise DatabaseUnusable(f"{copy} is the database itself: there is nothing to put back.")
    return database.resolve()


@asynccontextmanager
async def _out_of_use(database: Path) -> AsyncGenerator[None]:
    """Nobody has the database in use in this block, and no ``up`` can start on it."""
    try:
        async with sole_user_of(database):
            _require_no_reader(database)
            yield
    except DatabaseInUse as used:
        raise DatabaseInUse(f"{used.what} Stop that one first: nothing is put back under a server that runs.") from None


def _require_no_reader(database: Path) -> None:
    """Servers that were started by hand hold no lock of ours, but SQLite's own."""
    if not database.exists():
        return
    try:
        with closing(sqlite3.connect(database, timeout=0, isolation_level=None)) as connection:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute("ROLLBACK")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise DatabaseInUse(f"{database} is in use by another program.") from None
    except sqlite3.DatabaseError:
        return  # damaged: a good reason to put a copy back


def _require_database(file: Path) -> None:
    if not file.is_file():
        raise DatabaseUnusable(f"There is no file {file}.")


@contextmanager
def _written_beside(place: Path) -> Generator[Path]:
    """A new empty file, for its owner alone, in the folder of ``place``; gone afterwards unless it was moved."""
    made = place.with_name(f".{place.name}.{secrets.token_hex(4)}")
    try:
        os.close(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise DatabaseUnusable(f"Nothing can be written to {place.parent}: {error.strerror}.") from None
    try:
        yield made
    except OSError as error:
        raise DatabaseUnusable(f"{place} could not be written: {error.strerror or error}.") from error
    finally:
        for left in (made, *(made.with_name(made.name + ending) for ending in BESIDE)):
            left.unlink(missing_ok=True)


def _copy(source: Path, target: Path) -> None:
    """Copy what is committed. The copy is one file: it keeps no ``-wal`` of its own."""
    try:
        with (
            closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True, timeout=BUSY_TIMEOUT)) as read,
            closing(sqlite3.connect(target)) as written,
        ):
            read.backup(written, pages=PAGES_A_STEP, sleep=0.01)
            written.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as error:
        raise DatabaseUnusable(f"{source} cannot be copied: {error}.") from None
    with target.open("rb") as file:
        os.fsync(file.fileno())


def _checked(file: Path, what: str) -> int:
    """How many runs a whole database of Temporal has. Raises ``DatabaseUnusable`` for anything else."""
    try:
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if verdict != "ok":
                raise DatabaseUnusable(f"{what} is damaged ({verdict}).")
            if missing := TEMPORAL_TABLES - tables:
                raise DatabaseUnusable(f"{what} is no database of a Temporal server: it has no {min(missing)}.")
            (runs,) = connection.execute("SELECT count(*) FROM executions_visibility").fetchone()
    except sqlite3.Error as error:
        raise DatabaseUnusable(f"{what} is no database that can be read: {error}.") from None
    return int(runs)


def _into_place(made: Path, place: Path, *, overwrite: bool) -> None:
    try:
        if overwrite:
            os.replace(made, place)
        else:
            os.link(made, place)  # which, unlike a rename, never takes the place of a file that came meanwhile
    except FileExistsError:
        raise DatabaseUnusable(f"{place} exists already; name another file, or give --overwrite.") from None
    _through(place.parent)


def _kept_aside(database: Path) -> Path | None:
    """Give the database a second name, and what SQLite keeps beside it that name too; the first stays until replaced.

    The ``-wal`` file goes first: it must never stand beside a database that is not its own.
    """
    if not database.exists():
        for ending in BESIDE:
            database.with_name(database.name + ending).unlink(missing_ok=True)
        return None
    before = database.with_name(f"{database.name}.before-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}")
    for ending in BESIDE:
        beside = database.with_name(database.name + ending)
        if beside.exists():
            os.rename(beside, before.with_name(before.name + ending))
    os.link(database, before)
    return before


def _through(folder: Path) -> None:
    """Have the names in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
