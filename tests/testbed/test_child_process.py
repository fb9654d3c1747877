"""A child process that is killed, frozen and started again, by its own id."""

import os
import sys
from pathlib import Path

import pytest

from testbed.child_process import ChildProcess
from testbed.waiting import until

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")

SLEEPS = "import time; print('up', flush=True); time.sleep(60)"


def child(folder: Path, code: str = SLEEPS) -> ChildProcess:
    """A child that runs some Python."""
    return ChildProcess("child", [sys.executable, "-c", code], folder, os.environ)


async def said(folder: Path, times: int) -> None:
    """Wait until the child has said so often that it is up."""
    await until(lambda: (folder / "child.log").read_text(encoding="utf-8").count("up") >= times)


def state(process_id: int) -> str:
    """The kernel's letter: R or S for running, T for stopped."""
    return Path(f"/proc/{process_id}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]


async def test_a_killed_child_runs_again_when_started_and_not_before(tmp_path: Path) -> None:
    own = child(tmp_path)
    assert not own.is_running
    await own.start()
    await said(tmp_path, 1)
    first = own.process_id
    await own.kill()
    assert not own.is_running
    await own.start()
    await own.start()
    await said(tmp_path, 2)
    assert own.is_running
    assert own.process_id != first
    await own.stop()
    assert not own.is_running


async def test_a_frozen_child_is_stopped_by_the_kernel_until_it_is_thawed(tmp_path: Path) -> None:
    own = child(tmp_path)
    await own.start()
    await said(tmp_path, 1)
    own.freeze()
    assert not own.is_running
    await until(lambda: state(own.process_id) == "T")
    own.thaw()
    assert own.is_running
    await own.stop()


async def test_a_frozen_child_can_be_killed_and_stopped(tmp_path: Path) -> None:
    own = child(tmp_path)
    for end in (own.kill, own.stop):
        await own.start()
        own.freeze()
        await end()
        assert not own.is_running


async def test_a_child_that_ends_by_itself_is_revived_and_counted(tmp_path: Path) -> None:
    own = child(tmp_path, "print('up', flush=True)")
    assert not await own.revive()
    await own.start()
    await until(own.revive)
    await said(tmp_path, 2)
    assert own.own_ends == 1
    await own.stop()


async def test_what_was_never_started_is_neither_killed_nor_frozen(tmp_path: Path) -> None:
    own = child(tmp_path)
    own.freeze()
    own.thaw()
    await own.kill()
    await own.stop()
    assert not own.is_running
