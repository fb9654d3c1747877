"""Reading the files that people name: only what is a file of a sensible size, and text."""

import errno
import os
from pathlib import Path
from typing import Final

LIMIT: Final = 100_000_000
"""Bytes; a gateway's saved state is the largest of them."""


def read_text(path: Path) -> str:
    """The file's text. Raises ``OSError`` with the reason for whatever cannot be read as such."""
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "it is no regular file", os.fspath(path))
    with path.open("rb") as file:
        payload = file.read(LIMIT + 1)
    if len(payload) > LIMIT:
        raise OSError(errno.EFBIG, f"it has more than {LIMIT} bytes", os.fspath(path))
    try:
        return payload.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise OSError(errno.EINVAL, f"it is no UTF-8 text (byte {error.start + 1})", os.fspath(path)) from None
