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

from contract.names import SEARCH_ATTRIBUTES, kind_of
from tests.source_tree import ROOT

COMPOSE_FILE = ROOT / "docker-compose.yml"
DOCUMENT = cast("dict[str, Any]", yaml.safe_load(COMPOSE_FILE.read_text(encoding="utf-8")))
SERVICES = cast("dict[str, dict[str, Any]]", DOCUMENT["services"])
ONE_SHOT = {"temporal-schema", "temporal-setup"}
LASTING = sorted(SERVICES.keys() - ONE_SHOT)
SECRETS = {"POSTGRES_PASSWORD", "TWS_USERID", "TWS_PASSWORD", "ABLY_API_KEY"}
NAMED_LIKE_SECRETS = re.compile(r"PASSWORD|PWD|KEY|SECRET|TOKEN|USERID")
COMPOSE_COMMAND = shutil.which("docker-compose")
needs_compose = pytest.mark.skipif(COMPOSE_COMMAND is None, reason="the docker-compose client is not installed")


def environment(service: str) -> dict[str, str]:
    """The environment that the file gives a service."""
    return cast("dict[str, str]", SERVICES[service].get("environment", {}))


def ports(service: str) -> list[str]:
    """The published ports of a service."""
    return cast("list[str]", SERVICES[service].get("ports", []))


def compose_config(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run ``docker-compose config`` on the file with only these variables set."""
    assert COMPOSE_COMMAND is not None
    shutil.copy(COMPOSE_FILE, folder)
    shutil.copy(ROOT / "Dockerfile", folder)
    command = [COMPOSE_COMMAND, "config", "--quiet"]
    own = {"PATH": os.environ["PATH"], "HOME": str(folder), **variables}
    return subprocess.run(command, cwd=folder, env=own, capture_output=True, text=True, timeout=60, check=False)


def test_it_holds_temporal_with_its_database_and_ui_the_gateway_and_our_two_processes() -> None:
    assert {"postgres", "temporal", "temporal-ui", "ib-gateway", "worker", "listener"} <= SERVICES.keys()
    assert SERVICES["ib-gateway"]["image"].startswith("gnzsnz/ib-gateway:")


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_ports_are_published_on_loopback_only(service: str) -> None:
    assert [port for port in ports(service) if not port.startswith("127.0.0.1:")] == []
    assert SERVICES[service].get("network_mode") != "host"


def test_the_gateway_api_is_not_published_because_the_worker_is_its_only_client() -> None:
    published = {int(port.split(":")[-1]) for port in ports("ib-gateway")}
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
    assert {name: value for name, value in secret.items() if not value.startswith("${")} == {}


def test_what_must_be_given_is_asked_for_in_words() -> None:
    values = [value for service in SERVICES for value in environment(service).values()]
    asked = {match[1] for value in values if (match := re.match(r"\$\{(\w+):\?set \1 in \.env to .+\}$", str(value)))}
    assert asked == SECRETS


def test_every_variable_is_explained_in_the_example_environment() -> None:
    text = COMPOSE_FILE.read_text(encoding="utf-8")
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    own_versions = {"TEMPORAL_VERSION", "TEMPORAL_UI_VERSION", "IB_GATEWAY_VERSION", "AUTO_RESTART_TIME"}
    used = set(re.findall(r"(?<!\$)\$\{(\w+)", text)) - own_versions
    assert {name for name in used if not re.search(rf"^#? ?{name}=", example, re.MULTILINE)} == set()


def test_every_image_has_a_version() -> None:
    assert [own["image"] for own in SERVICES.values() if not re.search(r":[^:]+$", own["image"])] == []


def test_all_search_attributes_are_registered() -> None:
    (script,) = SERVICES["temporal-setup"]["command"]
    registered = re.findall(r"--name (\w+) --type (\w+)", script)
    assert registered == [(attribute.name, kind_of(attribute)) for attribute in SEARCH_ATTRIBUTES]


@pytest.mark.parametrize("service", ["worker", "listener"])
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
def test_docker_compose_accepts_the_file(tmp_path: Path) -> None:
    given = dict.fromkeys(SECRETS, "x")
    result = compose_config(tmp_path, **given)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@needs_compose
@pytest.mark.parametrize("missing", sorted(SECRETS))
def test_docker_compose_names_what_is_missing(tmp_path: Path, missing: str) -> None:
    given = dict.fromkeys(SECRETS - {missing}, "x")
    result = compose_config(tmp_path, **given)
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
