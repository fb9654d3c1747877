"""The image, built and run for real: a live rebalance under the restrictions of ``docker-compose.yml``.

``make test-image`` builds it before, and needs a Docker engine. What its neighbours are in earnest (Temporal with
PostgreSQL, IB Gateway, Ably) is played by containers of the same image.
"""

import json
import subprocess
import time
from collections.abc import Callable, Generator
from typing import Any, Final, cast

import httpx
import pytest

from tests.packaging.containers import (
    ABLY_HOST,
    ABLY_KEY,
    ABLY_PORT,
    ALL_IN_ONE,
    IMAGE,
    OURS,
    WORKER,
    Containers,
    running,
    services,
)

pytestmark = [pytest.mark.image, pytest.mark.timeout(600)]

ACCOUNTS: Final = """\
concurrency: {settling_period: 0}
http: {host: 0.0.0.0, proxy: 172.30.72.1, names: [localhost]}
accounts:
  - account_id: DU1000001
    strategy_name: blend
    allocations: [{symbol: QQQ, allocation: 0.6}, {symbol: BND, allocation: 0.4}]
  - account_id: DU1000003
    strategy_name: other
    allocations: [{symbol: VTI, allocation: 0.5}, {symbol: CASH, allocation: 0.5}]
"""

PUBLISH: Final = f"""\
import httpx
answer = httpx.post(
    "http://{ABLY_HOST}:{ABLY_PORT}/channels/blend/messages",
    json={{"data": {{"execution": "rebalance"}}}},
    auth=tuple("{ABLY_KEY}".split(":")),
)
answer.raise_for_status()
"""


@pytest.fixture(scope="module")
def containers(tmp_path_factory: pytest.TempPathFactory) -> Generator[Containers]:
    with running(tmp_path_factory.mktemp("containers"), ACCOUNTS) as own:
        yield own


def eventually(own: Containers, is_so: Callable[[], bool]) -> None:
    """Look again and again for four minutes: health is asked for once a minute."""
    end = time.monotonic() + 240
    while not is_so():
        assert time.monotonic() < end, own.logs()
        time.sleep(1)


def standings(own: Containers) -> dict[str, dict[str, Any]]:
    """The accounts as ``rebalancer status`` tells them, by number."""
    told = own.inside(WORKER, "rebalancer", "status", "--json")
    assert told.returncode == 0, told.stderr
    return {standing["account"]: standing for standing in json.loads(told.stdout)["accounts"]}


def positions(own: Containers, account: str) -> dict[str, int]:
    """What an account holds, read through the gateway."""
    told = own.inside(WORKER, "rebalancer", "positions", account, "--json")
    assert told.returncode == 0, told.stderr
    return cast("dict[str, int]", json.loads(told.stdout)["positions"])


def reaches(own: Containers, service: str, host: str, port: int) -> bool:
    """Whether a service's container gets through to another."""
    code = f"import socket; socket.create_connection(({host!r}, {port}), 3)"
    return own.inside(service, "python", "-c", code).returncode == 0


def test_all_of_ours_become_healthy(containers: Containers) -> None:
    for service in OURS:
        eventually(containers, lambda service=service: containers.state(service)["Health"]["Status"] == "healthy")


def test_an_event_ends_in_a_live_rebalance(containers: Containers) -> None:
    eventually(containers, lambda: "listening to" in containers.logs())
    published = containers.inside("listener", "python", "-c", PUBLISH)
    assert published.returncode == 0, published.stderr
    eventually(containers, lambda: standings(containers).get("DU1000001", {}).get("phase") == "completed")
    assert standings(containers)["DU1000001"]["mode"] == "rebalance"
    held = positions(containers, "DU1000001")
    assert held.keys() == {"QQQ", "BND"}
    assert min(held.values()) > 0


def test_a_person_may_do_the_same_by_hand(containers: Containers) -> None:
    before = positions(containers, "DU1000003")
    traded = containers.inside(WORKER, "rebalancer", "run", "DU1000003", "--live", "--wait")
    assert traded.returncode == 0, traded.stdout + traded.stderr
    after = positions(containers, "DU1000003")
    assert before.keys() == {"SPY", "AGG", "GLD"}
    assert after.keys() == {"VTI"}


@pytest.mark.parametrize("service", sorted(services()))
def test_the_restrictions_are_in_force(containers: Containers, service: str) -> None:
    assert containers.inside(service, "id", "-u").stdout.strip() == "10001"
    for place in ("/etc/x", "/home/rebalancer/x", "/opt/rebalancer/x"):
        assert "Read-only file system" in containers.inside(service, "touch", place).stderr
    status = containers.inside(service, "cat", "/proc/1/status").stdout
    rights = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert {rights[name].strip("0") for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {""}
    assert rights["NoNewPrivs"] == "1"


def test_it_holds_what_runs_and_nothing_else(containers: Containers) -> None:
    for module in ("aiohttp", "pip", "setuptools", "pytest", "ruff", "chaos", "bench"):
        asked = containers.inside(WORKER, "python", "-c", f"import {module}")
        assert "ModuleNotFoundError" in asked.stderr, module
    for program in ("temporal", "gcc", "make"):
        assert containers.inside(WORKER, "sh", "-c", f"command -v {program}").returncode != 0, program


def test_it_adds_no_more_than_a_deployment_needs() -> None:
    """350 MB with the 130 MB of ``python:3.11-slim``."""
    layers = json.loads(
        subprocess.run(
            ["docker", "image", "inspect", "--format", "[{{.Size}}]", IMAGE, "python:3.11-slim"],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        .stdout.replace("\n", "")
        .replace("][", ",")
    )
    assert layers[0] - layers[1] < 220e6


@pytest.mark.parametrize("service", ["listener", "api"])
def test_only_workers_reach_the_gateway(containers: Containers, service: str) -> None:
    assert reaches(containers, WORKER, "ib-gateway", 4004)
    assert not reaches(containers, service, containers.address("ib-gateway"), 4004)


@pytest.mark.parametrize("service", OURS)
def test_only_temporal_reaches_the_database(containers: Containers, service: str) -> None:
    assert reaches(containers, "temporal", "postgres", 5432)
    assert not reaches(containers, service, containers.address("postgres"), 5432)


@pytest.mark.parametrize(
    ("service", "seen"),
    [
        (WORKER, {"ably_api_key", "allocations_api_key", "rebalancer_key"}),
        ("listener", {"ably_api_key", "rebalancer_key"}),
        ("api", {"rebalancer_key"}),
    ],
)
def test_each_sees_its_own_secrets_only(containers: Containers, service: str, seen: set[str]) -> None:
    assert set(containers.inside(service, "ls", "/run/secrets").stdout.split()) == seen
    assert ABLY_KEY not in containers.inside(service, "env").stdout


def test_the_api_answers_this_machine_with_a_token_and_nobody_without(containers: Containers) -> None:
    where = f"http://localhost:{containers.port('api', 8000)}/accounts/DU1000001/status"
    assert httpx.get(where).status_code == 401
    token = containers.inside("api", "rebalancer", "token", "viewer").stdout.strip()
    assert httpx.get(where, headers={"Authorization": f"Bearer {token}"}).status_code == 200


def test_the_demo_runs_in_it_without_any_network() -> None:
    own = services()[WORKER]
    restricted = ["--read-only", "--network=none"]
    restricted += [f"--cap-drop={right}" for right in own["cap_drop"]]
    restricted += [f"--security-opt={option}" for option in own["security_opt"]]
    restricted += [f"--tmpfs={folder}" for folder in own["tmpfs"]]
    done = subprocess.run(
        ["docker", "run", "--rm", "--init", *restricted, ALL_IN_ONE, "demo", "--exit"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 rebalances" in done.stdout


def test_when_they_are_stopped_they_end_in_order(containers: Containers) -> None:
    """The last of this file: it takes the containers away."""
    containers.compose("stop", *OURS)
    assert {service: containers.state(service)["ExitCode"] for service in OURS} == dict.fromkeys(OURS, 0)
    assert "Traceback" not in containers.logs()
