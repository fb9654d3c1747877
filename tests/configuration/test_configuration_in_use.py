"""A configuration that follows its file: what is taken on, what changes nothing, and what is said of it."""

import asyncio
import hashlib
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from configuration import configuration_in_use
from configuration.configuration import Configuration, load_configuration
from configuration.configuration_in_use import ConfigurationInUse
from rebalancing.errors import RebalancerError
from testbed.background import in_background
from testbed.waiting import PATIENCE

ONE = "accounts: [{account_id: DU1, strategy_name: blend}]\n"
OFF = "accounts: [{account_id: DU1, strategy_name: blend, enabled: false}]\n"


@asynccontextmanager
async def followed(
    folder: Path, suits: Callable[[Configuration], object] = lambda _: None
) -> AsyncGenerator[ConfigurationInUse]:
    """A file with ``ONE`` and what follows it, for as long as the block."""
    path = folder / "accounts.yaml"
    path.write_text(ONE, encoding="utf-8")
    own = ConfigurationInUse(load_configuration(path), path)
    async with in_background(own.follow(suits)):
        yield own


@pytest.fixture(autouse=True)
def looks_are_frequent(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(configuration_in_use, "LOOK_EVERY", 0.02)
    caplog.set_level(logging.INFO)


async def after(own: ConfigurationInUse, text: str | None) -> None:
    """Replace the file and wait for what comes of it."""
    change = asyncio.create_task(own.change())
    if text is None:
        own.path.unlink()
    else:
        own.path.write_text(text, encoding="utf-8")
    async with asyncio.timeout(PATIENCE):
        await change


async def test_a_change_is_taken_on_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with followed(tmp_path) as own:
        await after(own, OFF)
    assert own.now.enabled_accounts == ()
    version = hashlib.sha256(OFF.encode()).hexdigest()[:8]
    assert str(own) == f"accounts.yaml {version}"
    assert f"accounts.yaml {version} is in use; accounts: none; switched off: DU1" in caplog.text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (OFF + "strange: 1\n", "accounts.yaml:2:1: strange: found an unknown key"),
        ("", "accounts.yaml"),
        ("accounts: [", "no valid YAML"),
        ("\x00", "no valid YAML"),
        (None, "cannot be read (No such file or directory)"),
    ],
)
async def test_what_cannot_be_used_changes_nothing_and_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, text: str | None, said: str
) -> None:
    async with followed(tmp_path) as own:
        before = own.now
        await after(own, text)
        assert own.now is before
        assert said in own.problem
        assert [record.levelname for record in caplog.records] == ["ERROR"]
        assert f"this process goes on by accounts.yaml {before.version}" in caplog.text
        await asyncio.sleep(0.2)
        assert len(caplog.records) == 1
        await after(own, ONE)
        assert own.problem == ""
        assert own.now == before


async def test_what_is_still_being_written_is_not_taken_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(configuration_in_use, "LOOK_EVERY", 0.1)
    async with followed(tmp_path) as own:
        before = own.now
        for line in range(100):  # valid at every moment, and another one at every look
            own.path.write_text(OFF + f"# {line}\n", encoding="utf-8")
            await asyncio.sleep(0.005)
        assert own.now is before
        async with asyncio.timeout(PATIENCE):
            await own.change()
    assert own.now.enabled_accounts == ()


async def test_what_cannot_be_served_here_changes_nothing(tmp_path: Path) -> None:
    def refuse(_: Configuration) -> None:
        raise RebalancerError("there is no port for it")

    async with followed(tmp_path, refuse) as own:
        before = own.now
        await after(own, OFF)
    assert own.now is before
    assert own.problem.endswith("accounts.yaml was changed and cannot be used: there is no port for it")


async def test_the_older_file_of_replacement_sets_is_part_of_it(tmp_path: Path) -> None:
    async with followed(tmp_path) as own:
        before = own.now.version
        change = asyncio.create_task(own.change())
        (tmp_path / "replacement-sets.yaml").write_text("ira: [{source: A, target: B}]\n", encoding="utf-8")
        async with asyncio.timeout(PATIENCE):
            await change
    assert own.now.version != before


NAMED = "accounts: [{account_id: DU7654321, alias: pension, strategy_name: blend}]\n"


@pytest.mark.parametrize(
    "then",
    [
        [NAMED.replace("pension", "savings")],
        [NAMED.replace("alias: pension, ", "")],
        [NAMED.replace("DU7654321", "DU1234567")],
        [ONE, NAMED.replace("pension", "savings")],
        [ONE, NAMED.replace("alias: pension, ", "")],
    ],
    ids=["another", "none", "another account's", "another after it was taken out", "none after it was taken out"],
)
async def test_an_account_is_called_as_it_was_when_the_process_began(tmp_path: Path, then: list[str]) -> None:
    async with followed(tmp_path) as own:
        await after(own, NAMED)
        for text in then:
            await after(own, text)
        assert "was given, changed or taken out" in own.problem
        assert "DU7654321" not in own.problem
        assert own.names.name_of("DU7654321") == "pension"


async def test_an_alias_for_an_account_that_had_none_waits_for_a_start(tmp_path: Path) -> None:
    async with followed(tmp_path) as own:
        await after(own, ONE.replace("strategy_name", "alias: pension, strategy_name"))
        assert "the alias of account pension was given" in own.problem
        assert own.names.numbers == {}
