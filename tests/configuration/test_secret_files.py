"""Secrets from files: those of containers (``/run/secrets``) and of systemd's credentials."""

import re
from pathlib import Path

import pytest

from configuration import environment
from configuration.environment import Connections, alert_address, temporal_variables
from starter.cli.setup import read_connections, temporal_address
from starter.desk.mistakes import UserMistake


@pytest.fixture
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that systemd would make, in an environment that says nothing else."""
    folder = tmp_path / "secrets"
    folder.mkdir()
    monkeypatch.chdir(tmp_path)
    for name in (*Connections.model_fields, "alert_phone_url", "temporal_api_key", "temporal_address"):
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    return folder


def ably_key() -> str | None:
    found = Connections().ably_api_key
    return found.get_secret_value() if found else None


@pytest.mark.parametrize("name", ["ably_api_key", "ABLY_API_KEY"])
def test_a_secret_is_read_from_the_file_of_its_name_without_the_end_of_its_line(secrets: Path, name: str) -> None:
    (secrets / name).write_text("app.key:secret\n")
    assert ably_key() == "app.key:secret"


def test_a_variable_goes_before_the_env_file_and_that_before_the_file_of_a_secret(
    secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (secrets / "ably_api_key").write_text("file")
    (secrets.parent / ".env").write_text("ABLY_API_KEY=env-file\n")
    assert ably_key() == "env-file"
    monkeypatch.setenv("ABLY_API_KEY", "variable")
    assert ably_key() == "variable"


def test_an_empty_variable_hides_no_file(secrets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (secrets / "ably_api_key").write_text("file")
    monkeypatch.setenv("ABLY_API_KEY", "")
    assert ably_key() == "file"


def test_an_address_of_a_receiver_and_the_key_of_temporal_are_secrets_too(secrets: Path) -> None:
    (secrets / "alert_phone_url").write_text("ntfy://ntfy.sh/topic\n")
    (secrets / "temporal_api_key").write_text("key\n")
    (secrets / "temporal_tls").write_text("\n")
    address = alert_address("phone")
    assert address
    assert address.get_secret_value() == "ntfy://ntfy.sh/topic"
    told = temporal_variables()
    assert told["TEMPORAL_API_KEY"] == "key"
    assert "TEMPORAL_TLS" not in told


def test_containers_have_theirs_in_run_secrets(secrets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "CONTAINER_SECRETS", secrets)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY")
    (secrets / "allocations_api_key").write_text("key")
    found = Connections().allocations_api_key
    assert found
    assert found.get_secret_value() == "key"


def test_folders_that_are_not_there_are_no_error(secrets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(secrets / "nowhere"))
    assert ably_key() is None
    assert "TEMPORAL_API_KEY" not in temporal_variables()


@pytest.mark.parametrize("name", ["ably_api_key", "temporal_api_key", ".env"])
def test_a_file_that_is_no_text_is_named_and_no_other(secrets: Path, name: str) -> None:
    (secrets / "alert_phone_url").write_bytes(b"ntfy://topic\n")
    (secrets / "of_another_program").write_bytes(b"\xff\xff")
    file = Path(name) if name == ".env" else secrets / name
    file.write_bytes(b"TEMPORAL_API_KEY=\xff\n")
    read = temporal_address if name == "temporal_api_key" else read_connections
    with pytest.raises(UserMistake, match=re.escape(f"{file} is no UTF-8 text: see byte 18.")):
        read()
