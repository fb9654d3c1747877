"""What is told of stand-ins is what the application reads, whatever else an environment says."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from configuration.environment import Connections
from testbed.addresses import ably_at, allocations_at, clean_environment, connections_of, gateway_at, temporal_at
from testbed.temporal_server import temporal_server
from worker.temporal import embedded_server


def test_services_in_this_process_are_told_what_processes_are(monkeypatch: pytest.MonkeyPatch) -> None:
    told = {**gateway_at(4), **ably_at(5, "a.b:c"), **allocations_at(6, "key"), "ACCOUNTS_FILE": "mine.yaml"}
    within = connections_of(told)
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    assert within == Connections(_env_file=None)  # pyright: ignore[reportCallIssue]
    assert (within.ibkr_port, within.ably_port, within.ably_tls) == (4, 5, False)
    assert within.allocations_api_key == SecretStr("key")


def test_a_gateway_with_a_name_is_told_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in gateway_at(7, "east").items():
        monkeypatch.setenv(name, value)
    assert Connections().gateway("east").port == 7


def test_what_is_not_told_stays_as_it_was() -> None:
    before = connections_of({**gateway_at(4), **ably_at(5, "a.b:c")})
    assert connections_of(gateway_at(8), before) == before.model_copy(update={"ibkr_port": 8})


def test_nobody_s_real_connections_reach_a_child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("ABLY_API_KEY=real.key:secret\n")
    monkeypatch.delenv("ABLY_API_KEY", raising=False)
    assert connections_of({}).ably_api_key is None
    for name in (*temporal_at(1), *gateway_at(1), *gateway_at(1, "east"), *ably_at(1), *allocations_at(1)):
        monkeypatch.setenv(name, "real")
        assert name not in clean_environment()
    assert clean_environment()["NO_PROXY"] == "127.0.0.1"


async def test_a_server_whose_port_is_taken_takes_another() -> None:
    async with temporal_server() as first:
        port = int(first.address.rpartition(":")[2])
        async with temporal_server(port) as second:
            assert second.address != first.address
            assert second.ui_port is None
            await second.client.count_workflows()
        with pytest.raises(RuntimeError):
            async with embedded_server(port, ui_port=None):
                pass
