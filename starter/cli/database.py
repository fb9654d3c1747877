"""``rebalancer backup`` and ``restore``: the file in which ``rebalancer up`` keeps its history."""

import asyncio
from pathlib import Path
from typing import Final

from starter.cli.console import tell
from starter.cli.up import DATABASE
from worker.database_copies import back_up, put_back

WHAT_FOLLOWS: Final = (
    "At the next `rebalancer up`: nothing that was published before now is carried out, and no account trades until "
    "`rebalancer accept-history ACCOUNT`, which first shows what the broker knows and this history does not."
)


async def run_backup_command(file: Path, database: Path | None, *, overwrite: bool, as_json: bool) -> None:
    """Copy it and check the copy. Raises ``DatabaseUnusable``."""
    source = database or DATABASE
    copied = await asyncio.to_thread(back_up, source, file, overwrite=overwrite)
    told = f"{file} is a copy of {source}: {copied.runs} workflow runs, {copied.size / 1e6:.1f} MB, checked."
    tell(told, as_json=as_json, file=str(file), runs=copied.runs, bytes=copied.size)


async def run_restore_command(file: Path, database: Path | None, *, as_json: bool) -> None:
    """Put a copy back. Raises ``DatabaseUnusable``."""
    target = database or DATABASE
    done = await put_back(file, target)
    before = f" What it was is kept in {done.before}." if done.before else ""
    told = f"{target} is what {file} was: {done.runs} workflow runs.{before} {WHAT_FOLLOWS}"
    tell(told, as_json=as_json, file=str(file), runs=done.runs, before=str(done.before) if done.before else None)
