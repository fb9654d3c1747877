"""Connections and secrets from the environment."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from configuration.environment import Connections


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in Connections.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def test_without_an_environment_the_paper_gateway_on_this_machine_is_meant() -> None:
    connections = Connections()
    assert (connections.ibkr_host, connections.ibkr_port) == ("127.0.0.1", 4002)
    assert connections.ably_api_key is None
    assert connections.accounts_file == Path("accounts.yaml")


def test_variables_go_before_the_env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("IBKR_PORT=4001\nIBKR_HOST=gateway\nSOMETHING_ELSE=1\nABLY_API_KEY=\n")
    monkeypatch.setenv("IBKR_PORT", "7497")
    connections = Connections()
    assert (connections.ibkr_host, connections.ibkr_port) == ("gateway", 7497)
    assert connections.ably_api_key is None


def test_keys_are_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ABLY_API_KEY", "app.key:secret")
    connections = Connections()
    assert "secret" not in repr(connections)
    assert connections.ably_api_key
    assert connections.ably_api_key.get_secret_value() == "app.key:secret"


@pytest.mark.parametrize(("name", "value"), [("IBKR_PORT", "0"), ("IBKR_PORT", "x")])
def test_an_impossible_value_is_refused(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError, match=name.lower()):
        Connections()
