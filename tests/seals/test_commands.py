"""Keys and seals at the command line, and what ``check`` says of them."""

import json
import stat
from pathlib import Path

import pytest

from activities.seals import refusal_of
from configuration.environment import Connections
from configuration.key_ring import KeyRing, read_key_ring
from configuration.keys_in_use import KeyMissing, KeysInUse, KeysUnread, require_keys
from rebalancing.settings import Seals, Settings
from rebalancing.triggers import Trigger
from starter.cli.check_seals import check_seals
from starter.cli.key import have_key
from starter.cli.mistakes import CommandFailed
from tests.cli.command import desk


async def test_a_key_is_made_shown_without_its_secret_and_seals_what_the_plain_command_sends(tmp_path: Path) -> None:
    own = desk(tmp_path)
    refused = await own.run("seal", "DU7654321", "--live")
    assert refused.status != 0
    assert "rebalancer key new" in refused.errors
    made = await own.run("key", "new", "--id", "ann")
    assert made.status == 0, made.errors
    ring = read_key_ring(tmp_path / "config" / "rebalancer" / "key")
    assert ring is not None
    more = await own.run("key", "new", "--id", "bob")
    assert more.output.split()[0] == "bob"
    ring.file.write_text(ring.file.read_text() + more.output)
    ring = read_key_ring(ring.file)
    assert ring is not None
    listed = await own.run("key", "list")
    assert [line.split()[0] for line in listed.output.splitlines()] == ["ann", "bob"]
    assert more.output.split()[1] not in listed.output + listed.errors
    for options, key_id in (((), "ann"), (("--key-id", "bob"), "bob")):
        answer = await own.run(*options, "seal", "DU7654321", "--live", "--event", "e1")
        trigger = Trigger.model_validate(json.loads(answer.output))
        assert (trigger.key_id, trigger.event_id, refusal_of(ring, trigger)) == (key_id, "e1", "")
    unknown = await own.run("--key-id", "carl", "seal", "DU7654321", "--live")
    assert "'carl' is not in" in unknown.errors


def test_up_makes_a_key_once_and_none_where_temporal_is_guarded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    connections = Connections()
    have_key(Settings(seals=Seals.OPTIONAL), connections)
    assert read_key_ring() is None
    have_key(Settings(), connections)
    first = read_key_ring()
    assert first is not None
    assert stat.S_IMODE(first.file.stat().st_mode) == 0o600
    have_key(Settings(), connections)
    assert read_key_ring() == first


def test_a_file_of_keys_that_goes_away_opens_nothing(keys: KeyRing) -> None:
    in_use = KeysInUse(Settings)
    assert in_use.are_required
    keys.file.rename(keys.file.with_name("away"))
    with pytest.raises(KeysUnread, match="Nothing is traded until it is back"):
        _ = in_use.are_required
    keys.file.with_name("away").rename(keys.file)
    assert in_use.are_required


def test_where_seals_are_required_nothing_starts_without_a_key() -> None:
    with pytest.raises(KeyMissing, match="rebalancer key new"):
        require_keys(Settings(seals=Seals.REQUIRED), Connections())


async def test_check_says_which_holds_and_whose_key_seals(keys: KeyRing) -> None:
    assert "required: nothing trades without a seal" in await check_seals(Settings(), Connections())
    assert "optional, as accounts.yaml says" in await check_seals(Settings(seals=Seals.OPTIONAL), Connections())
    keys.file.chmod(0o640)
    with pytest.raises(CommandFailed, match="chmod 600"):
        await check_seals(Settings(), Connections())


async def test_check_says_without_a_key_that_whoever_reaches_temporal_may_trade() -> None:
    assert "whoever reaches Temporal at" in await check_seals(Settings(), Connections())


async def test_check_says_where_temporal_is_reached_in_plain_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", "temporal.example.com:7233")
    assert "reached in plain text" in await check_seals(Settings(), Connections())
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:7233")
    assert "plain text" not in await check_seals(Settings(), Connections())
