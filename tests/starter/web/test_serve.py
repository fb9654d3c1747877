"""``rebalancer serve``: for a server that runs elsewhere, for one that is away, and over TLS."""

import shutil
import ssl
import subprocess
from pathlib import Path

import httpx
import pytest

from configuration.key_ring import make_key_file
from starter.cli.key import own_id
from tests.cli.command import ACCOUNTS, desk, service, up
from tests.house import House
from tests.starter.web.api import TRADE, api_of
from worker.free_ports import free_port

OPENSSL = shutil.which("openssl")


async def test_it_serves_the_history_of_a_server_that_runs_elsewhere(tmp_path: Path) -> None:
    own = desk(tmp_path)
    async with up(own, "--simulated"):
        port = free_port()
        async with service(own, "serve", "--port", str(port)) as told:
            await told.until(f"HTTP API on http://127.0.0.1:{port}")
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60) as client:
                assert (await client.get("/ready")).json()["why"] == []
                assert (await client.post("/rebalance/DU1000001", json=TRADE)).json()["status"] == "success"
                (run,) = (await client.get("/history")).json()["runs"]
                assert run["summary"]["by"] == [f"loopback by HTTP (key {own_id()})"]
            assert "loopback by HTTP: POST /rebalance/DU1000001" in told.errors


@pytest.mark.parametrize("has_key", [False, True])
async def test_without_temporal_it_lives_is_not_ready_and_tells_why(tmp_path: Path, *, has_key: bool) -> None:
    own = desk(tmp_path, TEMPORAL_ADDRESS=f"127.0.0.1:{free_port()}")
    if has_key:
        make_key_file("ann", tmp_path / "config" / "rebalancer" / "key")
    port = free_port()
    async with service(own, "serve", "--port", str(port)) as told:
        await told.until("HTTP API on")
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=100) as client:
            health = await client.get("/health")
            assert (health.status_code, health.json()["ibkr_connected"]) == (200, None)
            ready = await client.get("/ready")
            assert (ready.status_code, ready.json()["temporal"]) == (503, False)
            failed = await client.post("/rebalance/DU1000001/dry-run")
            assert (failed.status_code, failed.headers["content-type"]) == (503, "application/problem+json")
            assert failed.json()["detail"].startswith("No Temporal server answers: ")
            assert failed.headers["retry-after"]


async def test_a_taken_port_is_told_in_words(tmp_path: Path) -> None:
    own = desk(tmp_path, TEMPORAL_ADDRESS=f"127.0.0.1:{free_port()}")
    port = free_port()
    async with service(own, "serve", "--port", str(port)) as told:
        await told.until("HTTP API on")
        refused = await own.run("serve", "--port", str(port))
    assert refused.status == 2
    assert f"cannot listen on 127.0.0.1 port {port}" in " ".join(refused.errors.split())


async def test_a_certificate_that_is_none_is_told_in_words(tmp_path: Path) -> None:
    own = desk(tmp_path, ACCOUNTS + "http: {certificate: none.pem, certificate_key: none.key}\n")
    own.variables["TEMPORAL_ADDRESS"] = f"127.0.0.1:{free_port()}"
    refused = await own.run("serve")
    assert refused.status == 2
    assert "none.pem cannot be used" in " ".join(refused.errors.split())


def certified(folder: Path) -> tuple[str, str]:
    """A certificate for localhost that vouches for itself, and its key."""
    certificate, key = str(folder / "a.pem"), str(folder / "a.key")
    made = [str(OPENSSL), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    more = ["-addext", "subjectAltName=DNS:localhost", "-out", certificate, "-keyout", key]
    subprocess.run([*made, *more], check=True, capture_output=True, timeout=60)
    return certificate, key


@pytest.mark.skipif(OPENSSL is None, reason="openssl is not installed")
async def test_what_other_machines_reach_is_encrypted_and_needs_a_token_for_everything(
    own: House, tmp_path: Path
) -> None:
    certificate, key = certified(tmp_path)
    trusting = ssl.create_default_context(cafile=certificate)
    async with (
        api_of(own, tmp_path, host="0.0.0.0", names=["localhost"], certificate=certificate, certificate_key=key) as api,
        httpx.AsyncClient(base_url=f"https://localhost:{api.port}", verify=trusting, trust_env=False) as client,
    ):
        assert (await client.get("/accounts")).status_code == 401
        assert (await client.post("/rebalance/DU1/dry-run")).status_code == 401
        assert (await client.get("/accounts", headers=api.as_("viewer"))).status_code == 200
        assert (await client.post("/rebalance/DU1", json=TRADE, headers=api.as_("viewer"))).status_code == 403
        own_page = api.as_("viewer") | {"Origin": f"https://localhost:{api.port}"}
        assert (await client.get("/accounts", headers=own_page)).status_code == 200
        with pytest.raises(httpx.HTTPError):
            await api.client.get("/accounts")
