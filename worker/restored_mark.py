"""The mark that a database was put back: a file beside it, until the history itself knows.

``rebalancer restore`` writes nothing into the copy, and no server runs then that it could tell. ``rebalancer up`` tells
the history before any worker starts (``contract.restored_history``), and takes the mark away.
"""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

from rebalancing.base import FrozenModel, Instant


class RestoredMark(FrozenModel):
    """When the database was put back, and from which file."""

    restored_at: Instant
    file: str


def mark_restored(database: Path, file: str) -> None:
    """Mark the database as put back at this moment from a file of this name; raises ``OSError``."""
    place = _place(database)
    written = place.with_name(f".{place.name}")
    told = json.dumps({"restored_at": datetime.now(UTC).isoformat(), "file": file})
    with open(os.open(written, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        out.write(told)
        out.flush()
        os.fsync(out.fileno())
    written.replace(place)


def mark_of(database: Path) -> RestoredMark | None:
    """The mark, if there is one. One that cannot be read counts as of when it was written: it is not overlooked."""
    place = _place(database)
    try:
        written_at, told = datetime.fromtimestamp(place.stat().st_mtime, UTC), place.read_bytes()
    except FileNotFoundError:
        return None
    try:
        return RestoredMark.model_validate_json(told)
    except ValueError:
        return RestoredMark(restored_at=written_at, file="a copy")


def take_away(database: Path) -> None:
    """The history knows."""
    _place(database).unlink(missing_ok=True)


def _place(database: Path) -> Path:
    path = database.resolve()
    return path.with_name(f"{path.name}.restored")
