"""``rebalancer up`` and the file it keeps its history in: one command at a time, one world for ever."""

import asyncio
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from simulator.gateway.faults import NOTICE_TEXTS
from simulator.gateway.server import SimulatedGateway
from tests.cli.command import Desk, desk, up
from tests.house import Holding, scenario
from worker.free_ports import free_ports
from worker.temporal import server_command

ACCOUNT = "DU1000001"


def started(own: Desk, *arguments: str) -> AbstractAsyncContextManager[asyncio.subprocess.Process]:
    """``up``, from the moment its gateway is the history's."""
    return up(own, *arguments, until="the gateway is the ")


async def refused(own: Desk, *arguments: str) -> str:
    """What ``up`` says when it ends by itself, as for a mistake."""
    port, ui_port, http_port = free_ports(3)
    ports = ("--port", str(port), "--ui-port", str(ui_port), "--http-port", str(http_port))
    answer = await own.run("up", *ports, *arguments)
    assert answer.status == 2
    assert "Traceback" not in answer.errors
    return answer.errors


async def test_a_rehearsal_keeps_its_history_in_a_file_of_its_own(tmp_path: Path) -> None:
    async with started(desk(tmp_path), "--simulated"):
        pass
    assert (tmp_path / "temporal-simulated.db").exists()
    assert not (tmp_path / "temporal.db").exists()


async def test_a_second_up_on_the_same_file_is_refused_by_whichever_name(tmp_path: Path) -> None:
    own = desk(tmp_path)
    (tmp_path / "other-name.db").symlink_to("history.db")
    async with started(own, "--simulated", "--database", "history.db") as first:
        said = await refused(own, "--simulated", "--database", "other-name.db")
    assert f"other-name.db is the history of a `rebalancer up` that runs already (process {first.pid})" in said


async def test_after_kill_9_the_file_is_free_as_soon_as_its_server_has_ended(tmp_path: Path) -> None:
    own = desk(tmp_path)
    async with started(own, "--simulated") as killed:
        killed.kill()
        async with started(own, "--simulated"):
            pass


async def test_a_history_that_cannot_be_kept_is_said_in_one_line(tmp_path: Path) -> None:
    said = await refused(desk(tmp_path), "--simulated", "--database", "nowhere/history.db")
    assert "A history cannot be kept in nowhere/history.db" in said


async def test_a_file_that_belongs_to_a_login_is_refused_for_a_rehearsal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(NOTICE_TEXTS, 2104, "Market data farm connection is OK:usfarm")
    async with SimulatedGateway(scenario({ACCOUNT: Holding()})) as like_ibkrs:
        own = desk(tmp_path, IBKR_PORT=str(like_ibkrs.port))
        async with started(own, "--database", "history.db"):
            pass
        said = await refused(own, "--simulated", "--database", "history.db")
    assert f"belongs to the paper login with {ACCOUNT}" in said
    assert "This gateway is the simulated gateway with" in said


async def test_a_stand_in_that_was_started_by_hand_is_known_for_one(tmp_path: Path) -> None:
    async with SimulatedGateway(scenario({ACCOUNT: Holding()})) as stand_in:
        own = desk(tmp_path, IBKR_PORT=str(stand_in.port))
        async with started(own, "--database", "history.db"):
            pass
        async with started(own, "--simulated", "--database", "history.db"):
            pass


def test_every_commit_of_the_history_is_on_the_disk_before_it_counts(tmp_path: Path) -> None:
    assert "synchronous=2" in server_command(1, None, tmp_path / "history.db")
