"""Which commands each function of the workflow code asks Temporal for, in which order: what a replay goes by.

``make command-order`` writes it down. It is read from the source, function by function, so it is no proof: what decides
how often a loop goes round is not in it. It notices what a change adds, takes away or moves.
"""

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.source_tree import SourceFile, source_files

BASELINE: Final = Path(__file__).parent / "command_order.json"

COMMANDS: Final = frozenset(
    {
        "execute_activity",
        "execute_activity_method",
        "start_activity",
        "start_activity_method",
        "execute_local_activity",
        "execute_local_activity_method",
        "start_local_activity",
        "start_local_activity_method",
        "execute_child_workflow",
        "start_child_workflow",
        "sleep",
        "upsert_memo",
        "upsert_search_attributes",
        "continue_as_new",
    }
)
"""Calls of ``temporalio.workflow`` that leave an event; a ``wait_condition`` does where it has a time-out."""

PATCHED: Final = "patched"


def command_order(files: list[SourceFile] | None = None) -> dict[str, list[str]]:
    """By function, its commands and its calls of functions with commands.

    What stands under ``if workflow.patched(…)`` is a function of its own here: histories of before go on without it.
    """
    functions = {key: body for file in files or source_files("workflows") for key, body in _functions(file)}
    with_commands = _closed({key: list(_steps(body, frozenset())) for key, body in functions.items()}, functions)
    found = {key: list(_steps(body, with_commands)) for key, body in functions.items()}
    return {key: steps for key, steps in sorted(found.items()) if steps}


def changes(before: dict[str, list[str]], now: dict[str, list[str]]) -> list[str]:
    """What a history of before would not go on with, a line for each function; what is only new is fine."""
    return [
        f"{key}: was {' → '.join(steps)}; is {' → '.join(now.get(key, ())) or 'nothing'}"
        for key, steps in before.items()
        if now.get(key) != steps
    ]


def _functions(file: SourceFile) -> Iterator[tuple[str, list[ast.stmt]]]:
    for node in ast.walk(file.tree):
        if isinstance(node, ast.ClassDef):
            yield from (pair for own in node.body for pair in _function(own, f"{file.path}:{node.name}."))
    yield from (pair for own in file.tree.body for pair in _function(own, f"{file.path}:"))


def _function(node: ast.stmt, where: str) -> Iterator[tuple[str, list[ast.stmt]]]:
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return
    key = f"{where}{node.name}"
    yield key, node.body
    for inner in ast.walk(node):
        if isinstance(inner, ast.If) and (patch := _patch(inner.test)):
            yield f"{key} under {patch}", inner.body


def _patch(test: ast.expr) -> str:
    is_patched = isinstance(test, ast.Call) and isinstance(test.func, ast.Attribute) and test.func.attr == PATCHED
    return ast.unparse(test.args[0]) if is_patched and isinstance(test, ast.Call) else ""


def _closed(steps: dict[str, list[str]], functions: dict[str, list[ast.stmt]]) -> frozenset[str]:
    """The names of all functions that come to a command, however many calls away."""
    names = {_name(key) for key, own in steps.items() if own}
    while True:
        calling = {_name(key) for key, body in functions.items() if list(_steps(body, frozenset(names)))}
        if calling <= names:
            return frozenset(names)
        names |= calling


def _name(key: str) -> str:
    return key.split(" under ")[0].rpartition(":")[2].rpartition(".")[2]


def _steps(body: list[ast.stmt], with_commands: frozenset[str]) -> Iterator[str]:
    for statement in body:
        yield from _steps_in(statement, with_commands)


def _steps_in(node: ast.AST, with_commands: frozenset[str]) -> Iterator[str]:
    """In the order of evaluation, as far as source tells: arguments before the call."""
    if isinstance(node, ast.If) and _patch(node.test):
        yield from _steps(node.orelse, with_commands)
        return
    for child in ast.iter_child_nodes(node):
        yield from _steps_in(child, with_commands)
    if isinstance(node, ast.Call) and (step := _step(node, with_commands)):
        yield step


def _step(call: ast.Call, with_commands: frozenset[str]) -> str:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    is_temporal = isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) == "workflow"
    if is_temporal and name == "wait_condition":
        return "timer" if any(own.arg == "timeout" for own in call.keywords) else ""
    if is_temporal and name in COMMANDS:
        asked = ast.unparse(call.args[0]) if call.args and "activity" in name else ""
        return f"{name} {asked}".rstrip()
    return f"{name}()" if not is_temporal and name in with_commands else ""


if __name__ == "__main__":
    BASELINE.write_text(json.dumps(command_order(), indent=1) + "\n")
