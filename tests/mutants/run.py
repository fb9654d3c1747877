"""``make mutants``: change what decides about money, one thing at a time, and see whether a test notices.

What is changed and by which tests it is looked at stands in ``[tool.mutmut]`` of ``pyproject.toml``; what the survivors
are in ``docs/mutants.md``. Names of mutants may be given, as ``rebalancing.seals*``: those are then tested anew.
"""

import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import libcst
from mutmut.__main__ import cli
from mutmut.mutation import file_mutation
from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.stats import status_by_exit_code
from mutmut.utils.file_utils import walk_mutatable_files

NEEDED: Final = 90
"""Percent of a part's mutants that a test must notice."""

PARTS: Final = {
    "rebalancing/planner/": "planner",
    "activities/gateway/intent_judge.py": "intent judge",
    "rebalancing/triggers.py": "event ring",
    "rebalancing/freshness.py": "freshness",
}
"""By how a file's path begins; all others are seals."""

NOTICED: Final = ("killed", "timeout")


def mutate_decorated_functions() -> None:
    """mutmut lets them alone, and with them every property, validator and activity.

    Here the decorators stay on what chooses between the mutants; the mutants themselves have none.
    """
    skips = file_mutation.MutationVisitor._skip_node_and_children  # pyright: ignore[reportPrivateUsage]
    arrangement = file_mutation.function_trampoline_arrangement

    def skips_no_function(self: file_mutation.MutationVisitor, node: libcst.CSTNode) -> bool:
        return not (isinstance(node, libcst.FunctionDef) and node.decorators) and skips(self, node)

    def arranged(function: libcst.FunctionDef, mutants: Iterable[Any], class_name: str | None) -> Any:
        declared, nodes, *rest = arrangement(function.with_changes(decorators=()), mutants, class_name)
        chooser, *bare = nodes
        assert isinstance(chooser, libcst.FunctionDef)
        return declared, [chooser.with_changes(decorators=(*function.decorators, *chooser.decorators)), *bare], *rest

    file_mutation.MutationVisitor._skip_node_and_children = skips_no_function  # pyright: ignore[reportPrivateUsage]
    file_mutation.function_trampoline_arrangement = arranged


def fates() -> Iterator[tuple[str, str, str]]:
    """The part, the name, and what became of it, of each mutant that was tested."""
    for path in walk_mutatable_files():
        part = next((part for start, part in PARTS.items() if str(path).startswith(start)), "seals")
        mutants = SourceFileMutationData(path=path)
        mutants.load()
        for name, exit_code in mutants.exit_code_by_key.items():
            if exit_code is not None:
                yield part, name, status_by_exit_code[exit_code]


def tell(given: Iterable[tuple[str, str, str]]) -> bool:
    """Print the survivors and the figures of each part; whether enough were noticed everywhere."""
    counted: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for part, name, fate in given:
        counted[part][fate] += 1
        if fate not in NOTICED:
            sys.stdout.write(f"\n{fate}: {name}\n{get_diff_for_mutant(name)}\n")
    scores: list[float] = []
    for part, of in counted.items():
        scores.append(100 * sum(of[fate] for fate in NOTICED) / of.total())
        told = ", ".join(f"{count} {fate}" for fate, count in of.most_common())
        sys.stdout.write(f"{part}: {of.total()} mutants, {told}: {scores[-1]:.1f} %\n")
    return bool(scores) and min(scores) >= NEEDED


def main(names: Sequence[str]) -> None:
    """Leaves with 1 where too many survive in one part."""
    mutate_decorated_functions()
    cli.main(["run", "--max-children", "2", *names], standalone_mode=False)
    if not tell(fates()):
        sys.exit(f"Less than {NEEDED} % of a part's mutants were noticed.")


if __name__ == "__main__":
    main(sys.argv[1:])
