"""The image's containers: worker and listener as ``docker-compose.yml`` has them, the rest played by the same image."""

import json
import os
import shutil
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import yaml

from tests.source_tree import ROOT
from worker.temporal import server_command

IMAGE: Final = "rebalancer:local"
ALL_IN_ONE: Final = "rebalancer:all-in-one"
ABLY_KEY: Final = "image.key:for-this-test-only"
ABLY_HOST: Final = "ably.test"
ABLY_PORT: Final = 443

Service = dict[str, Any]

STAND_IN: Final = ("simulate", "--host", "0.0.0.0", "--allow-remote-connections")
WORKER: Final = "worker-paper"
OURS: Final = (WORKER, "listener", "api")
RESTRICTIONS: Final = ("init", "read_only", "tmpfs", "cap_drop", "security_opt", "logging")
"""What the stand-ins are given of the worker's settings."""

SECRETS: Final = {"rebalancer_key": f"image {'A' * 43}=\n", "ably_api_key": ABLY_KEY, "allocations_api_key": ""}


def compose_command() -> list[str]:
    """Docker Compose, as a command of its own or as part of Docker's."""
    return ["docker-compose"] if shutil.which("docker-compose") else ["docker", "compose"]


def _written() -> dict[str, Any]:
    return cast("dict[str, Any]", yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8")))


def services() -> dict[str, Service]:
    """Our services as they are written, with their own dependencies replaced, and what plays the others."""
    written = cast("dict[str, Service]", _written()["services"])
    ours = {name: {**written[name], "depends_on": {"temporal": {"condition": "service_healthy"}}} for name in OURS}
    for own in ours.values():
        own["image"] = IMAGE
        for name in ("build", "profiles"):  # what is tested is the image as it was built
            own.pop(name, None)
    ours["api"]["ports"] = ["127.0.0.1::8000"]  # any port that is free
    at_ably = {"ABLY_ENDPOINT": ABLY_HOST, "ABLY_PORT": str(ABLY_PORT), "ABLY_TLS": "false"}
    ours["listener"]["environment"] = ours["listener"]["environment"] | at_ably
    restrictions = {name: ours[WORKER][name] for name in RESTRICTIONS} | {"image": ALL_IN_ONE}
    stand_in, *open_to_all = STAND_IN
    return {
        **ours,
        "temporal": {
            **restrictions,
            "networks": written["temporal"]["networks"],
            "entrypoint": ["temporal"],
            "command": _temporal_server(),
            "healthcheck": {
                "test": ["CMD", "temporal", "operator", "cluster", "health", "--address", "temporal:7233"],
                "interval": "1s",
                "retries": 60,
            },
        },
        "postgres": {
            **restrictions,
            "networks": written["postgres"]["networks"],
            "entrypoint": ["python", "-m", "http.server", "5432"],
        },
        "ib-gateway": {
            **restrictions,
            "networks": written["ib-gateway-paper"]["networks"],
            "command": [stand_in, "gateway", *open_to_all, "--port", "4004"],
        },
        "ably": {
            **restrictions,
            "networks": {"temporal": {"aliases": [ABLY_HOST]}},
            "command": [stand_in, "ably", *open_to_all, "--port", str(ABLY_PORT), "--key", ABLY_KEY],
        },
    }


def _temporal_server() -> list[str]:
    """The embedded server's own command line, listening to other containers too."""
    _, *command = server_command(7233, None, Path("/tmp/temporal.db"))  # the container's own
    return ["0.0.0.0" if word == "127.0.0.1" else word for word in command]


@dataclass(frozen=True)
class Containers:
    """Running containers. ``folder`` holds the compose file and ``accounts.yaml``."""

    folder: Path
    project: str

    def compose(self, *arguments: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        """Run a command of Docker Compose."""
        return subprocess.run(
            [*compose_command(), "--project-name", self.project, *arguments],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def inside(self, service: str, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in a service's container."""
        return self.compose("exec", "-T", service, *command)

    def state(self, service: str) -> dict[str, Any]:
        """What the engine says of a service's container."""
        (container,) = self.compose("ps", "--quiet", service).stdout.split()
        told = subprocess.run(["docker", "inspect", container], capture_output=True, text=True, timeout=60, check=True)
        return cast("dict[str, Any]", json.loads(told.stdout)[0]["State"])

    def address(self, service: str) -> str:
        """The address of a service's container in the first of its networks."""
        (container,) = self.compose("ps", "--quiet", service).stdout.split()
        told = subprocess.run(["docker", "inspect", container], capture_output=True, text=True, timeout=60, check=True)
        networks = json.loads(told.stdout)[0]["NetworkSettings"]["Networks"]
        return str(next(iter(networks.values()))["IPAddress"])

    def port(self, service: str, inside: int) -> int:
        """The port of this machine that leads to a service's port."""
        return int(self.compose("port", service, str(inside)).stdout.rpartition(":")[2])

    def logs(self) -> str:
        """What all of them have said."""
        return self.compose("logs", "--no-color").stdout


@contextmanager
def running(folder: Path, accounts: str) -> Generator[Containers]:
    """Start everything, and leave nothing behind."""
    written = _written()
    used = {name: {"file": f"./secrets/{name}"} for name in SECRETS}
    content = {
        "version": "3.8",
        "services": services(),
        "networks": written["networks"],
        "secrets": used,
        "volumes": {"api": {}},
    }
    (folder / "secrets").mkdir(mode=0o700)
    for name, text in SECRETS.items():
        (folder / "secrets" / name).write_text(text, encoding="utf-8")
        (folder / "secrets" / name).chmod(0o644)
    (folder / "docker-compose.yml").write_text(yaml.safe_dump(content), encoding="utf-8")
    (folder / "accounts.yaml").write_text(accounts, encoding="utf-8")
    (folder / "accounts.yaml").chmod(0o644)  # the image's user is not ours
    own = Containers(folder, f"rebalancer-test-{os.getpid()}")
    try:
        started = own.compose("up", "--detach")
        assert started.returncode == 0, started.stderr + own.logs()
        yield own
    finally:
        own.compose("down", "--volumes", "--timeout", "10")
