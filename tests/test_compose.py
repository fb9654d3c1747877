"""docker-compose.yml keeps its promises: loopback-only ports, restarts, health checks, no secret in the file."""

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from configuration.key_ring import read_key_ring
from contract.names import SEARCH_ATTRIBUTES, kind_of
from tests.source_tree import ROOT

COMPOSE_FILE = ROOT / "docker-compose.yml"
DOCUMENT = cast("dict[str, Any]", yaml.safe_load(COMPOSE_FILE.read_text(encoding="utf-8")))
SERVICES = cast("dict[str, dict[str, Any]]", DOCUMENT["services"])
ONE_SHOT = {"temporal-schema", "temporal-setup"}
LASTING = sorted(SERVICES.keys() - ONE_SHOT)
ASKED_FOR = {"TWS_USERID"}
NAMED_LIKE_SECRETS = re.compile(r"PASSWORD|PWD|KEY|SECRET|TOKEN")
WORKERS = ("worker-paper", "worker-live", "worker-standby")
GATEWAYS = ("ib-gateway-paper", "ib-gateway-live")
OURS = (*WORKERS, "listener", "api")
PROFILES = ("paper", "live", "standby", "monitoring", "api")
COMPOSE_COMMAND = shutil.which("docker-compose")
needs_compose = pytest.mark.skipif(COMPOSE_COMMAND is None, reason="the docker-compose client is not installed")


def environment(service: str) -> dict[str, str]:
    """The environment that the file gives a service."""
    return cast("dict[str, str]", SERVICES[service].get("environment", {}))


def ports(service: str) -> list[str]:
    """The published ports of a service."""
    return cast("list[str]", SERVICES[service].get("ports", []))


def networks(service: str) -> set[str]:
    """The networks that a service is in."""
    return set(SERVICES[service]["networks"])


def secrets(service: str) -> set[str]:
    """The secrets that a service sees."""
    return set(SERVICES[service].get("secrets", ()))


def compose_config(folder: Path, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run ``docker-compose config`` on the file with only these variables set."""
    assert COMPOSE_COMMAND is not None
    shutil.copy(COMPOSE_FILE, folder)
    shutil.copy(ROOT / "Dockerfile", folder)
    command = [COMPOSE_COMMAND, *options, "config", "--quiet"]
    own = {"PATH": os.environ["PATH"], "HOME": str(folder), **variables}
    return subprocess.run(command, cwd=folder, env=own, capture_output=True, text=True, timeout=60, check=False)


def test_it_holds_temporal_with_its_database_and_ui_the_gateway_and_our_two_processes() -> None:
    assert {"postgres", "temporal", "temporal-ui", *GATEWAYS, *OURS} <= SERVICES.keys()
    assert {"gnzsnz/ib-gateway:" in SERVICES[gateway]["image"] for gateway in GATEWAYS} == {True}


def test_without_a_profile_nothing_trades() -> None:
    always = {name for name, own in SERVICES.items() if not own.get("profiles")}
    assert always & {*WORKERS, *GATEWAYS} == set()
    assert "listener" in always
    assert {profile for own in SERVICES.values() for profile in own.get("profiles", ())} == set(PROFILES)


@pytest.mark.parametrize(("profile", "mode", "port"), [("paper", "paper", "4004"), ("live", "live", "4003")])
def test_a_profile_has_a_gateway_of_its_mode_and_a_worker_at_its_port(profile: str, mode: str, port: str) -> None:
    own = {name for name, service in SERVICES.items() if service.get("profiles") == [profile]}
    assert own == {f"ib-gateway-{profile}", f"worker-{profile}"}
    assert environment(f"ib-gateway-{profile}")["TRADING_MODE"] == mode
    assert environment(f"worker-{profile}")["IBKR_PORT"] == port


def test_only_workers_reach_the_gateway_and_only_temporal_the_database() -> None:
    assert {name for name in SERVICES if "gateway" in networks(name)} == {*WORKERS, *GATEWAYS}
    assert {name for name in SERVICES if "database" in networks(name)} == {"postgres", "temporal-schema", "temporal"}
    assert DOCUMENT["networks"]["database"]["internal"] is True


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_each_has_a_limit_of_memory_and_the_secrets_it_reads(service: str) -> None:
    assert SERVICES[service]["mem_limit"]
    read = set(re.findall(r"/run/secrets/(\w+)", yaml.safe_dump(SERVICES[service])))
    assert read <= secrets(service)
    assert secrets(service) <= DOCUMENT["secrets"].keys()


def test_who_sees_which_secret() -> None:
    seen = {name: {service for service in SERVICES if name in secrets(service)} for name in DOCUMENT["secrets"]}
    assert seen == {
        "postgres_password": {"postgres", "temporal-schema", "temporal"},
        "tws_password": set(GATEWAYS),
        "vnc_password": set(GATEWAYS),
        "rebalancer_key": set(OURS),
        "ably_api_key": {*WORKERS, "listener"},
        "allocations_api_key": set(WORKERS),
        "grafana_password": {"grafana"},
    }


def test_temporals_ui_is_for_looking() -> None:
    assert environment("temporal-ui")["TEMPORAL_DISABLE_WRITE_ACTIONS"] == "true"


@pytest.mark.parametrize("service", OURS)
def test_our_health_checks_ask_whether_the_work_is_done(service: str) -> None:
    role = "worker" if service in WORKERS else service
    assert SERVICES[service]["healthcheck"]["test"] == ["CMD", "rebalancer", "health", role]


def test_monitoring_finds_the_metrics_of_all_of_ours() -> None:
    scraped = yaml.safe_load((ROOT / "deploy" / "prometheus" / "compose.yml").read_text(encoding="utf-8"))
    (found,) = scraped["scrape_configs"][0]["dns_sd_configs"]
    assert str(found["port"]) == environment("listener")["METRICS_PORT"]
    aliases = {alias for own in SERVICES.values() for alias in (_aliases(own, "temporal") or ())}
    assert set(found["names"]) <= {*SERVICES, *aliases}
    assert {_aliases(SERVICES[worker], "temporal") for worker in WORKERS} == {("worker",)}


def _aliases(service: dict[str, Any], network: str) -> tuple[str, ...]:
    own = service["networks"]
    return tuple((own[network] or {}).get("aliases", ())) if isinstance(own, dict) and network in own else ()


def test_secrets_are_made_for_their_owner_alone_and_not_changed_again(tmp_path: Path) -> None:
    (tmp_path / "deploy").mkdir()
    script = shutil.copy(ROOT / "deploy" / "secrets.sh", tmp_path / "deploy")
    first = subprocess.run([script], capture_output=True, text=True, timeout=30, check=True)
    made = {file.name: file.read_text() for file in (tmp_path / "secrets").iterdir()}
    assert made.keys() == DOCUMENT["secrets"].keys()
    assert {name for name, text in made.items() if not text} == {"tws_password", "ably_api_key", "allocations_api_key"}
    assert "secrets/tws_password is empty" in first.stdout
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    assert read_key_ring(tmp_path / "secrets" / "rebalancer_key")
    (tmp_path / "secrets" / "tws_password").write_text("mine")
    again = subprocess.run([script], capture_output=True, text=True, timeout=30, check=True)
    assert "tws_password" not in again.stdout
    made["tws_password"] = "mine"
    assert {file.name: file.read_text() for file in (tmp_path / "secrets").iterdir()} == made


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_ports_are_published_on_loopback_only(service: str) -> None:
    assert [port for port in ports(service) if not port.startswith("127.0.0.1:")] == []
    assert SERVICES[service].get("network_mode") != "host"


def test_the_gateway_api_is_not_published_because_the_worker_is_its_only_client() -> None:
    published = {int(port.split(":")[-1]) for gateway in GATEWAYS for port in ports(gateway)}
    assert published & {4001, 4002, 4003, 4004} == set()


@pytest.mark.parametrize("service", LASTING)
def test_a_lasting_service_restarts_and_tells_its_health(service: str) -> None:
    assert SERVICES[service]["restart"] == "unless-stopped"
    check = SERVICES[service]["healthcheck"]
    assert check["test"][0] in ("CMD", "CMD-SHELL")
    assert {"interval", "timeout", "retries", "start_period"} <= check.keys()


@pytest.mark.parametrize("service", sorted(ONE_SHOT))
def test_a_one_shot_service_is_tried_until_it_worked_and_then_left_alone(service: str) -> None:
    assert SERVICES[service]["restart"] == "on-failure"
    waiting = [name for name, own in SERVICES.items() if service in own.get("depends_on", {})]
    assert waiting
    assert {SERVICES[name]["depends_on"][service]["condition"] for name in waiting} == {
        "service_completed_successfully"
    }


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_no_secret_is_written_in_the_file(service: str) -> None:
    secret = {name: value for name, value in environment(service).items() if NAMED_LIKE_SECRETS.search(name)}
    assert {name: value for name, value in secret.items() if not value.startswith("/run/secrets/")} == {}


def test_what_must_be_given_is_asked_for_in_words() -> None:
    values = [value for service in SERVICES for value in environment(service).values()]
    asked = {match[1] for value in values if (match := re.match(r"\$\{(\w+):\?set \1 in \.env to .+\}$", str(value)))}
    assert asked == ASKED_FOR


def test_every_variable_is_explained_in_the_example_environment() -> None:
    text = COMPOSE_FILE.read_text(encoding="utf-8")
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    used = {name for name in re.findall(r"(?<!\$)\$\{(\w+)", text) if not name.endswith("_IMAGE")} - {
        "AUTO_RESTART_TIME"
    }
    assert {name for name in used if not re.search(rf"^#? ?{name}=", example, re.MULTILINE)} == set()


def test_every_image_has_a_version() -> None:
    told = {name: own["image"] for name, own in SERVICES.items()}
    assert {
        name: image for name, image in told.items() if not re.fullmatch(r"\$\{\w+_IMAGE:-[\w./-]+:[\w.]+\}", image)
    } == {}


def test_all_search_attributes_are_registered() -> None:
    (script,) = SERVICES["temporal-setup"]["command"]
    registered = re.findall(r"--name (\w+) --type (\w+)", script)
    assert registered == [(attribute.name, kind_of(attribute)) for attribute in SEARCH_ATTRIBUTES]


@pytest.mark.parametrize("service", OURS)
def test_our_processes_run_without_privileges(service: str) -> None:
    own = SERVICES[service]
    assert own["read_only"] is True
    assert own["cap_drop"] == ["ALL"]
    assert own["security_opt"] == ["no-new-privileges:true"]


def test_the_image_takes_only_named_files_and_runs_as_a_user() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in ignored
    assert not [line for line in ignored if line.startswith("!") and (".env" in line or "accounts" in line)]
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert "--require-hashes" in dockerfile
    assert re.search(r"^USER (?!root)\w+$", dockerfile, re.MULTILINE)


@needs_compose
@pytest.mark.parametrize("profile", PROFILES)
def test_docker_compose_accepts_the_file(tmp_path: Path, profile: str) -> None:
    result = compose_config(tmp_path, "--profile", profile, TWS_USERID="x")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@needs_compose
@pytest.mark.parametrize("missing", sorted(ASKED_FOR))
def test_docker_compose_names_what_is_missing(tmp_path: Path, missing: str) -> None:
    result = compose_config(tmp_path, "--profile", "paper", **dict.fromkeys(ASKED_FOR - {missing}, "x"))
    assert result.returncode != 0
    assert f"set {missing} in .env to" in result.stderr


def test_the_image_gets_every_package_that_is_installed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = {name.rstrip("*") for name in project["tool"]["setuptools"]["packages"]["find"]["include"]}
    copied = set(re.findall(r"^COPY (\w+) \1$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE))
    sent = {line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()}
    assert packages
    assert packages - copied == set()
    assert packages - sent == set()
