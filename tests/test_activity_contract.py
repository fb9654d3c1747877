"""Workflows call activities by name; here each name meets the activity that carries it, with its types."""

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_type_hints

import pytest

import activities
from tests.source_tree import source_files
from workflows import calls

MARK = "__temporal_activity_definition"
"""What ``@activity.defn`` leaves on a function."""


@dataclass(frozen=True)
class Signature:
    """What goes into an activity and what comes out."""

    argument: Any
    result: Any


def called() -> dict[str, Signature]:
    """Every activity that ``workflows/calls.py`` calls, with the types the workflow believes in."""
    (file,) = [file for file in source_files("workflows") if file.path == "workflows/calls.py"]
    functions = [node for node in file.tree.body if isinstance(node, ast.AsyncFunctionDef)]
    return dict(found for node in functions if not node.name.startswith("_") for found in _calls_in(node))


def offered() -> dict[str, Signature]:
    """Every activity there is, with the types it declares."""
    return {definition.name: _declared(definition.fn) for definition in _definitions()}


def _calls_in(function: ast.AsyncFunctionDef) -> Iterator[tuple[str, Signature]]:
    hints = get_type_hints(getattr(calls, function.name))
    for call in (node for node in ast.walk(function) if isinstance(node, ast.Call)):
        names = [index for index, own in enumerate(call.args) if isinstance(own, ast.Constant)]
        if not names:
            continue
        name, argument, *rest = call.args[names[0] :]
        result = next((own.value for own in call.keywords if own.arg == "result_type"), None) or rest[0]
        assert isinstance(name, ast.Constant)
        assert isinstance(argument, ast.Name)
        yield str(name.value), Signature(hints[argument.id], _evaluated(result))


def _evaluated(expression: ast.expr) -> Any:
    return eval(compile(ast.Expression(expression), "calls.py", "eval"), dict(vars(calls)))


def _definitions() -> Iterator[Any]:
    for module in pkgutil.walk_packages(activities.__path__, "activities."):
        loaded = importlib.import_module(module.name)
        owners = [loaded, *(own for _, own in inspect.getmembers(loaded, inspect.isclass))]
        for owner in owners:
            for _, function in inspect.getmembers(owner, inspect.isfunction):
                if function.__module__ == module.name and hasattr(function, MARK):
                    yield getattr(function, MARK)


def _declared(function: Any) -> Signature:
    hints = get_type_hints(function)
    result = hints.pop("return")
    (argument,) = hints.values()
    return Signature(argument, result)


CALLED = called()


def test_the_workflow_calls_activities() -> None:
    assert {"open_rebalance", "read_targets", "read_snapshot", "make_plan", "place_leg", "await_fills"} <= set(CALLED)


@pytest.mark.parametrize("name", sorted(CALLED))
def test_a_called_activity_exists_with_the_same_argument_and_result(name: str) -> None:
    assert offered().get(name) == CALLED[name]


def test_every_called_activity_is_registered_with_a_worker() -> None:
    mentioned = {
        node.attr for file in source_files("worker") for node in ast.walk(file.tree) if isinstance(node, ast.Attribute)
    }
    assert set(CALLED) - mentioned == set()
