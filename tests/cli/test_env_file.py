"""``.env`` beside the accounts says where everything is, Temporal included; the environment goes before it."""

from pathlib import Path

import pytest

from testbed.temporal_server import temporal_server
from tests.cli.command import desk
from worker.temporal import connect_config

NOWHERE = "127.0.0.1:1"


async def test_commands_go_to_the_temporal_server_that_the_env_file_names(tmp_path: Path) -> None:
    async with temporal_server() as temporal:
        own = desk(tmp_path)
        (tmp_path / ".env").write_text(f"TEMPORAL_ADDRESS={temporal.address}\nTEMPORAL_NAMESPACE=default\n")
        answer = await own.run("status")
        assert answer.status == 0, answer.errors
        assert "never run" in answer.output
        own.variables["TEMPORAL_ADDRESS"] = NOWHERE
        assert f"No Temporal server answers at {NOWHERE}" in (await own.run("status")).errors


@pytest.fixture
def env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The path of an ``.env`` that counts, in an environment that says nothing of Temporal."""
    monkeypatch.chdir(tmp_path)
    for name in ("ADDRESS", "NAMESPACE", "API_KEY", "TLS", "PROFILE", "CONFIG_FILE"):
        monkeypatch.delenv(f"TEMPORAL_{name}", raising=False)
    return tmp_path / ".env"


def test_every_variable_of_temporal_may_stand_there(env_file: Path) -> None:
    env_file.write_text("TEMPORAL_ADDRESS=cloud:7233\nTEMPORAL_NAMESPACE=own.abc\nTEMPORAL_API_KEY=secret\n")
    config = connect_config()
    assert (config.get("target_host"), config.get("namespace")) == ("cloud:7233", "own.abc")
    assert config.get("api_key") == "secret"


def test_it_may_name_a_temporal_toml_and_a_profile_in_it(env_file: Path) -> None:
    env_file.with_name("own.toml").write_text('[profile.east]\naddress = "east:7233"\n')
    env_file.write_text("TEMPORAL_CONFIG_FILE=own.toml\nTEMPORAL_PROFILE=east\n")
    assert connect_config().get("target_host") == "east:7233"


def test_what_is_left_empty_is_not_set(env_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    env_file.write_text("TEMPORAL_ADDRESS=here:7233\nTEMPORAL_API_KEY=\n")
    monkeypatch.setenv("TEMPORAL_ADDRESS", "")
    config = connect_config()
    assert (config.get("target_host"), config.get("api_key")) == ("here:7233", None)


def test_without_it_the_usual_address_is_meant(env_file: Path) -> None:
    assert not env_file.exists()
    assert connect_config().get("target_host") == "localhost:7233"


@pytest.mark.parametrize("content", [b"\xff\xfe\x00TEMPORAL", b"\x80=1\n"])
async def test_one_that_is_no_text_is_told_in_one_line(content: bytes, tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(content)
    for command in (("status",), ("run", "DU1000001")):
        answer = await desk(tmp_path).run(*command)
        assert answer.status == 2
        assert ".env" in answer.errors
        assert "Traceback" not in answer.errors
