"""A database file has one embedded server at a time: two would each take the other's work for lost."""

import asyncio
import fcntl
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

LAST_ONES_END: Final = 5.0
"""Seconds for the server of a killed command to end, which it does by itself; it needs about one."""


class DatabaseUnusable(RuntimeError):
    """Another command keeps its history in this file, or it cannot be written; the message says which."""


class DatabaseInUse(DatabaseUnusable):
    """Somebody else has the database open; ``what`` says who."""

    def __init__(self, what: str, to_do: str = "") -> None:
        super().__init__(f"{what} {to_do}".rstrip())
        self.what = what


@asynccontextmanager
async def sole_user_of(database: Path) -> AsyncGenerator[int]:
    """Hold the file's lock; yields its descriptor, for the server to hold too: it may outlive a command that is killed.

    The kernel gives the lock up when the last process that holds it has ended, however. Raises ``DatabaseUnusable``,
    ``DatabaseInUse`` where another holds it.
    """
    lock = _open_lock(database)
    try:
        try:
            async with asyncio.timeout(LAST_ONES_END):
                while not _taken(lock):  # noqa: ASYNC110  # another process's lock
                    await asyncio.sleep(0.1)
        except TimeoutError:
            holder = os.pread(lock, 20, 0).decode(errors="replace")
            raise DatabaseInUse(
                f"{database} is the history of a `rebalancer up` that runs already (process {holder}).",
                "Stop that one, or give this one a file of its own with --database.",
            ) from None
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
        yield lock
    finally:
        os.close(lock)


def _open_lock(database: Path) -> int:
    path = database.resolve()
    try:
        return os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise DatabaseUnusable(f"A history cannot be kept in {database}: {error.strerror} ({path.parent}).") from error


def _taken(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
