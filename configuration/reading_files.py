"""Reading files that people name: never more of one than is wanted, and only what is a file."""

import errno
import os
from pathlib import Path


def read_at_most(path: Path, limit: int) -> bytes:
    """The file's first ``limit`` bytes, and one more where it is longer, to tell by.

    Raises ``OSError``, also for what is no regular file: a pipe might never answer, a device never end.
    """
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "it is no regular file", os.fspath(path))
    with path.open("rb") as file:
        return file.read(limit + 1)
