"""The application's own source files, parsed, for the tests that keep its walls standing."""

import ast
import gc
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
APPLICATION = ("rebalancing", "configuration", "contract", "workflows", "activities", "worker", "starter")
PACKAGES = (*APPLICATION, "testbed", "simulator", "chaos")


@dataclass(frozen=True)
class SourceFile:
    """One Python file. ``path`` is relative to the repository, with forward slashes."""

    path: str
    text: str
    tree: ast.Module

    @property
    def package(self) -> str:
        """The top-level folder."""
        return self.path.split("/", 1)[0]

    @property
    def lines(self) -> int:
        """How long the file is."""
        return len(self.text.splitlines())

    def imported_modules(self) -> set[str]:
        """Every module this file imports, wherever in the file, by its full name."""
        found: set[str] = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module is not None:
                found.add(node.module)
        return found

    def imported_packages(self) -> set[str]:
        """The first part of each imported module's name."""
        return {module.split(".", 1)[0] for module in self.imported_modules()}


def parse(path: str, text: str) -> SourceFile:
    """A source file from its text."""
    # Python 3.11 can mistake a finalizer that runs while it builds a tree for a too deep recursion.
    gc.disable()
    try:
        return SourceFile(path, text, ast.parse(text))
    finally:
        gc.enable()


def source_files(*folders: str) -> list[SourceFile]:
    """All Python files under these folders, in the order of their paths."""
    return list(_read(folders))


def _read(folders: tuple[str, ...]) -> Iterator[SourceFile]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield parse(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))
