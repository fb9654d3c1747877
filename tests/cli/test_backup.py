"""``rebalancer backup`` and ``restore``: one checked file for its owner alone, and nothing put back under a server."""

import asyncio
import inspect
import os
import sqlite3
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from temporalio.client import Client

from contract.halts import LOST_HISTORY, history_pause_id, running_halts, set_halt
from contract.names import account_of
from contract.restored_history import declare_restored
from testbed.temporal_server import temporal_server
from testbed.waiting import until
from tests.cli.command import Answer, Desk, desk, up
from worker.database_copies import back_up, put_back
from worker.database_lock import DatabaseUnusable
from worker.free_ports import free_port
from worker.restored_mark import mark_of
from worker.temporal import server_command


@asynccontextmanager
async def served(folder: Path) -> AsyncGenerator[Client]:
    """A server on ``temporal.db`` in this folder, as ``up`` has it."""
    async with temporal_server(database=folder / "temporal.db") as server:
        yield server.client


async def known(client: Client) -> list[str]:
    return sorted([account_of(run.id) async for run in client.list_workflows()])


async def is_halted_by(client: Client, halt: str) -> bool:
    return halt in {each.workflow_id async for each in running_halts(client)}


async def refused(work: Callable[[], object], folder: Path) -> str:
    """What is said where nothing is changed, neither the database nor a file."""
    before = contents(folder)
    said = ""
    try:
        result = work()
        if inspect.isawaitable(result):
            await result
    except DatabaseUnusable as refusal:
        said = str(refusal)
    assert contents(folder) == before
    return said


def contents(folder: Path) -> dict[str, bytes]:
    """What SQLite keeps in memory for those that use a database changes with every look."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file() and path.suffix != ".db-shm"}


def kept_aside(folder: Path) -> list[Path]:
    return [path for path in folder.glob("temporal.db.before-*") if not path.name.endswith(("-wal", "-shm"))]


async def done(own: Desk, *arguments: str) -> Answer:
    answer = await own.run(*arguments)
    assert answer.status == 0, answer.errors
    return answer


async def history_of(folder: Path, *halts: str) -> None:
    """Have ``temporal.db`` in this folder know these workflows."""
    async with served(folder) as client:
        for halt in halts:
            await set_halt(client, halt, "ann", "")


async def test_a_copy_made_while_up_runs_is_the_whole_history_for_its_owner_alone(tmp_path: Path) -> None:
    own = desk(tmp_path)
    before = os.umask(0)
    try:
        async with up(own, "--simulated", until="the gateway is the "):
            await done(own, "pause", "DU1000001", "--reason", "the last that the copy knows")
            told = await done(own, "backup", "copy.db", "--database", "temporal-simulated.db")
            await done(own, "unpause", "DU1000001")
    finally:
        os.umask(before)
    assert "checked" in told.errors
    assert (tmp_path / "copy.db").stat().st_mode & 0o777 == 0o600
    assert not [path for path in os.listdir(tmp_path) if path.startswith("copy.db-")]
    await done(own, "restore", "copy.db", "--database", "temporal-simulated.db")
    async with up(own, "--simulated", until="the gateway is the "):
        standing = await own.run("status")
        refused = await own.run("accept-history", "DU1000001")
        accepted = await done(own, "accept-history", "DU1000001", "--yes")
        again = await own.run("accept-history", "DU1000001", "--yes")
        await done(own, "history-restored", "--reason", "another copy")
        no = await own.run_at_terminal("accept-history", "DU1000001", typed="n\n")
    told = " ".join(standing.output.split())
    assert "the last that the copy knows" in told
    assert "the history of account DU1000001 is not whole" in told
    assert "the history of account DU1000005 is not whole" in told  # switched off now, but not for ever
    assert (refused.status, again.status, no.status) == (2, 1, 1)
    assert "It holds" in accepted.errors
    assert "DU1000001 trades again" in accepted.errors
    assert "another copy" in no.errors
    assert mark_of(tmp_path / "temporal-simulated.db") is None


async def test_a_mark_is_heeded_by_the_next_up_whatever_happened_to_the_last_one(tmp_path: Path) -> None:
    own = desk(tmp_path)
    await history_of(tmp_path, "pause-DU1")
    await done(own, "backup", "copy.db")
    await done(own, "restore", "copy.db")
    async with served(tmp_path) as client:  # as an `up` that is killed right after it began to tell the history
        await declare_restored(client, ["DU1000001"], datetime.now(UTC), "put back", LOST_HISTORY)
        await until(lambda: is_halted_by(client, history_pause_id("DU1000001")))
    assert mark_of(tmp_path / "temporal.db") is not None
    async with up(own, "--simulated", "--database", "temporal.db", until="the gateway is the "):
        standing = await own.run("status")
    assert "the history of account DU1000004 is not whole" in " ".join(standing.output.split())
    assert mark_of(tmp_path / "temporal.db") is None


async def test_a_restored_database_is_the_copy_and_the_replaced_one_is_whole_beside_it(tmp_path: Path) -> None:
    await history_of(tmp_path, "pause-DU1")
    await done(desk(tmp_path), "backup", "copy.db")
    await history_of(tmp_path, "pause-DU2")
    told = await done(desk(tmp_path), "restore", "copy.db")
    assert "accept-history" in told.errors
    async with served(tmp_path) as client:
        assert await known(client) == ["pause-DU1"]
    (before,) = kept_aside(tmp_path)
    assert before.stat().st_mode & 0o777 == 0o600
    await done(desk(tmp_path), "restore", before.name)
    async with served(tmp_path) as client:
        assert await known(client) == ["pause-DU1", "pause-DU2"]


async def test_what_stands_in_the_wal_file_of_a_killed_server_is_kept_with_the_replaced_database(
    tmp_path: Path,
) -> None:
    await history_of(tmp_path, "pause-DU1")
    await done(desk(tmp_path), "backup", "copy.db")
    with closing(sqlite3.connect(tmp_path / "temporal.db")) as writer:
        writer.execute("CREATE TABLE of_later (a)")
        writer.commit()
        wal = (tmp_path / "temporal.db-wal").read_bytes()
        main = (tmp_path / "temporal.db").read_bytes()
    (tmp_path / "temporal.db").write_bytes(main)
    (tmp_path / "temporal.db-wal").write_bytes(wal)
    await done(desk(tmp_path), "restore", "copy.db")
    with closing(sqlite3.connect(tmp_path / "temporal.db")) as restored:
        assert not restored.execute("SELECT 1 FROM sqlite_master WHERE name = 'of_later'").fetchall()
    (before,) = kept_aside(tmp_path)
    with closing(sqlite3.connect(before)) as kept:
        assert kept.execute("SELECT 1 FROM sqlite_master WHERE name = 'of_later'").fetchall()


@pytest.mark.parametrize("remains", [b"", b"SQLite format 3\0 torn", b"\0" * 8192])
async def test_a_copy_takes_the_place_of_a_torn_database_and_of_a_lost_one(tmp_path: Path, remains: bytes) -> None:
    await history_of(tmp_path, "pause-DU1")
    await done(desk(tmp_path), "backup", "copy.db")
    (tmp_path / "temporal.db").write_bytes(remains)
    await done(desk(tmp_path), "restore", "copy.db")
    (tmp_path / "temporal.db").unlink()
    (tmp_path / "temporal.db-wal").write_bytes(b"of a database that is gone")
    await done(desk(tmp_path), "restore", "copy.db")
    async with served(tmp_path) as client:
        assert await known(client) == ["pause-DU1"]


async def test_nothing_is_put_back_under_a_server_that_runs(tmp_path: Path) -> None:
    own = desk(tmp_path)
    await history_of(tmp_path, "pause-DU1")
    await done(own, "backup", "copy.db")
    async with served(tmp_path):
        answer = await own.run("restore", "copy.db")
    assert answer.status == 2
    assert "Stop that one first" in answer.errors
    assert not kept_aside(tmp_path)
    assert mark_of(tmp_path / "temporal.db") is None


async def test_nothing_is_put_back_under_a_server_that_was_started_by_hand(tmp_path: Path) -> None:
    own = desk(tmp_path)
    await history_of(tmp_path, "pause-DU1")
    await done(own, "backup", "copy.db")
    command = server_command(free_port(), None, tmp_path / "temporal.db")
    server = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert server.stdout is not None
    try:
        while b"Temporal Server" not in (line := await server.stdout.readline()):
            assert line, "the server ended"
        answer = await own.run("restore", "copy.db")
    finally:
        server.kill()
        await server.communicate()
    assert (answer.status, "in use by another program" in answer.errors) == (2, True)


async def test_a_copy_is_refused_in_words_and_leaves_everything_as_it_was(tmp_path: Path) -> None:
    database = tmp_path / "temporal.db"

    async def backing_up(copy: str, *, source: Path = database, overwrite: bool = True) -> str:
        return await refused(lambda: back_up(source, tmp_path / copy, overwrite=overwrite), tmp_path)

    assert "There is no file" in await backing_up("copy.db")
    await history_of(tmp_path, "pause-DU1")
    (tmp_path / "copy.db").write_text("the only one")
    assert "exists already" in await backing_up("copy.db", overwrite=False)
    assert "name another" in await backing_up("temporal.db")
    assert "nowhere" in await backing_up("nowhere/copy.db")
    assert "name another" in await backing_up("..")
    (tmp_path / "notes.db").write_text("no database at all, whatever it is called")
    assert "notes.db" in await backing_up("copy.db", source=tmp_path / "notes.db")
    back_up(database, tmp_path / "copy.db", overwrite=True)
    assert (tmp_path / "copy.db").stat().st_mode & 0o777 == 0o600


async def test_only_a_whole_database_of_temporal_is_put_back(tmp_path: Path) -> None:
    database = tmp_path / "temporal.db"
    await history_of(tmp_path, "pause-DU1")
    with closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("CREATE TABLE executions (a)")
        other.commit()
    back_up(database, tmp_path / "damaged.db")
    damaged = bytearray((tmp_path / "damaged.db").read_bytes())
    for page in range(3, 40):
        damaged[page * 4096 : page * 4096 + 64] = os.urandom(64)
    (tmp_path / "damaged.db").write_bytes(damaged)
    (tmp_path / "notes.txt").write_text("no database at all")

    async def putting_back(copy: str) -> str:
        return await refused(lambda: put_back(tmp_path / copy, database), tmp_path)

    assert "There is no file" in await putting_back("nowhere.db")
    assert "no database of a Temporal server" in await putting_back("other.db")
    assert "damaged.db" in await putting_back("damaged.db")
    assert "nothing to put back" in await putting_back("temporal.db")
    assert "notes.txt" in await putting_back("notes.txt")


def test_a_mark_that_cannot_be_read_still_counts(tmp_path: Path) -> None:
    (tmp_path / "temporal.db.restored").write_text("{ torn")
    mark = mark_of(tmp_path / "temporal.db")
    assert mark is not None
    assert mark.restored_at.timestamp() == pytest.approx((tmp_path / "temporal.db.restored").stat().st_mtime)


async def test_a_file_that_came_meanwhile_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await history_of(tmp_path, "pause-DU1")
    really = os.link

    def somebody_was_quicker(made: Path, place: Path) -> None:
        place.write_text("of somebody else")
        really(made, place)

    monkeypatch.setattr(os, "link", somebody_was_quicker)
    with pytest.raises(DatabaseUnusable, match="exists already"):
        back_up(tmp_path / "temporal.db", tmp_path / "copy.db")
    assert (tmp_path / "copy.db").read_text() == "of somebody else"
