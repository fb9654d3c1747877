"""Keys and history are for their owner alone: made so, and told by ``rebalancer check`` where they are found open."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from starter.cli.private_files import open_to_others
from testbed.temporal_server import temporal_server
from tests.cli.command import desk


@contextmanager
def umask(mask: int) -> Generator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def permissions(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}


@pytest.mark.parametrize("mask", [0o000, 0o022])
async def test_the_history_is_made_for_its_owner_alone_whatever_the_umask(tmp_path: Path, mask: int) -> None:
    with umask(mask):
        async with temporal_server(database=tmp_path / "temporal.db") as server:
            await server.client.count_workflows()
            made = permissions(tmp_path)
    assert made == dict.fromkeys(("temporal.db", "temporal.db-shm", "temporal.db-wal", "temporal.db.lock"), 0o600)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o602])
@pytest.mark.parametrize("name", [".env", "temporal.db", "temporal.db-wal", "temporal.db-shm"])
def test_a_private_file_that_others_may_read_or_write_is_found(tmp_path: Path, name: str, mode: int) -> None:
    (tmp_path / name).touch()
    (tmp_path / name).chmod(mode)
    assert open_to_others(tmp_path) == (tmp_path / name,)


async def test_check_warns_of_them_even_where_the_configuration_is_bad(tmp_path: Path) -> None:
    for name in (".env", "temporal.db"):
        (tmp_path / name).touch()
        (tmp_path / name).chmod(0o644)
    answer = await desk(tmp_path, "accounts: []\n").run("check")
    assert "WARN" in answer.output
    assert "chmod 600 .env temporal.db" in answer.output


async def test_check_is_silent_about_files_that_are_their_owners_alone(tmp_path: Path) -> None:
    for name in (".env", "temporal.db", "temporal.db-wal"):
        (tmp_path / name).touch(mode=0o600)
    answer = await desk(tmp_path, "accounts: []\n").run("check")
    assert "chmod" not in answer.output
