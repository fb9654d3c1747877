"""Workflows call activities by the contract's signatures; the type checker holds both sides to them."""

import ast
import inspect
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from contract import activities as contract
from tests.source_tree import ROOT, source_files
from worker.hosting import activities_of

MARK = "__temporal_activity_definition"
"""What ``@activity.defn`` leaves on a function."""

SIDES = ("contract", "rebalancing", "configuration", "workflows", "activities")


def contracts() -> Iterator[type]:
    """The classes that state activities."""
    return (own for _, own in inspect.getmembers(contract, inspect.isclass) if own.__module__ == contract.__name__)


def stated() -> dict[str, Any]:
    """Every activity there is, by name."""
    return {
        name: function
        for own in contracts()
        for name, function in inspect.getmembers(own, inspect.isfunction)
        if hasattr(function, MARK)
    }


def test_everything_public_in_the_contract_is_an_activity() -> None:
    public = {name for own in contracts() for name in vars(own) if not name.startswith("_")}
    assert public == stated().keys()
    assert {"open_rebalance", "read_targets", "read_snapshot", "make_plan", "place_leg", "await_fills"} <= public


def test_every_activity_is_served_by_a_worker() -> None:
    for name in ("worker.workers", "worker.alert_worker"):  # and with them every implementation
        import_module(name)
    mentioned = {
        node.id for file in source_files("worker") for node in ast.walk(file.tree) if isinstance(node, ast.Name)
    }
    served = [each for own in contracts() for each in own.__subclasses__() if each.__name__ in mentioned]
    assert {hosted.__name__ for each in served for hosted in activities_of(object.__new__(each))} == stated().keys()


def test_no_activity_is_called_by_a_string() -> None:
    by_name = [
        f"{file.path}: {name}"
        for file in source_files("workflows", "starter")
        for name in stated()
        if f'"{name}"' in file.text
    ]
    assert by_name == []


@pytest.mark.parametrize(
    ("was", "becomes"),
    [
        ("request: PlaceRequest) -> tuple[OrderReport, ...]", "request: IntentsRequest) -> tuple[OrderReport, ...]"),
        ("request: PlanRequest) -> Plan:", "request: PlanRequest) -> PlanRequest:"),
    ],
    ids=["argument", "result"],
)
def test_a_changed_type_breaks_its_callers_and_its_implementation(was: str, becomes: str, tmp_path: Path) -> None:
    for side in SIDES:
        shutil.copytree(ROOT / side, tmp_path / side)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    stating = tmp_path / "contract" / "activities.py"
    text = stating.read_text(encoding="utf-8")
    assert was in text
    stating.write_text(text.replace(was, becomes), encoding="utf-8")
    found = type_errors(tmp_path)
    assert any(line.startswith("workflows/") for line in found)
    assert any(line.startswith("activities/") for line in found)


def type_errors(folder: Path) -> list[str]:
    """What the type checker says of a copy, a line for each error, by the file's path in it."""
    checker = Path(sys.executable).parent / "basedpyright"
    command = [checker, "--pythonpath", sys.executable, "--project", folder, *(folder / side for side in SIDES)]
    printed = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    lines = (line.strip() for line in printed.splitlines() if " - error: " in line)
    return [line.removeprefix(f"{folder.resolve()}/") for line in lines]
