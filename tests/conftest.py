"""What holds for all tests: workflows are watched, and hypothesis tries few cases, many with the profile ``chaos``."""

import importlib
import os
import secrets
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings

from worker import alert_worker, rebalance_worker
from workflows.sandbox import watched_runner

# Whose machine it is, has keys and tokens of its own: none of them are the tests'.
CONFIGURATION_FOLDERS = tempfile.mkdtemp(prefix="rebalancer-tests-")
os.environ["XDG_CONFIG_HOME"] = CONFIGURATION_FOLDERS

# It cannot be imported for the first time where an event loop was closed before, and tests run in any order.
importlib.import_module("ib_insync")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Continuous integration tries the faults in parts, another one with each commit."""
    parser.addoption(
        "--part", metavar="K/N", help="of what is collected, each Nth test from the Kth on: 0/3, 1/3 or 2/3"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Neighbours are of one kind, so each part has some of every kind."""
    if part := config.getoption("--part"):
        first, every = (int(number) for number in part.split("/"))
        items[:] = [item for number, item in enumerate(items) if number % every == first]


@pytest.fixture(autouse=True)
def workflows_are_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers in this process run workflows in Temporal's sandbox, which refuses what a replay could not repeat."""
    for host in (rebalance_worker, alert_worker):
        monkeypatch.setattr(host, "worker_runner", watched_runner)


@pytest.fixture(autouse=True)
def keys_are_of_one_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that a test makes, as every ``up`` does, is not there for the next one."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(Path(CONFIGURATION_FOLDERS) / secrets.token_hex(8)))


settings.register_profile(
    "chaos",
    max_examples=1500,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
# The same few for each mutant: what one of them is worth does not depend on luck.
settings.register_profile(
    "mutants",
    max_examples=10,
    derandomize=True,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
# A busy machine is no defect: no deadline for a single case.
settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")
