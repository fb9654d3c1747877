"""The blocks of code in the documents."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from tests.source_tree import ROOT

PAGES: Final = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "SECURITY.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
"""Everything that people read."""

_BLOCK: Final = re.compile(r"^( *)```(\w+)?[^\n]*\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
_SPAN: Final = re.compile(r"(?<!`)`([^`\n]+(?:\n[^`\n]+)?)`(?!`)")


class Block(NamedTuple):
    """A block: the page it is on, the line it begins in, its language, and its text."""

    page: Path
    line: int
    language: str
    text: str

    @property
    def name(self) -> str:
        """For the name of a test."""
        return f"{self.page.relative_to(ROOT).as_posix()}:{self.line}"


def blocks(*languages: str, pages: list[Path] = PAGES) -> Iterator[Block]:
    """Those in these languages, in the order of the pages; ``""`` is the language of those that say none."""
    for page in pages:
        text = page.read_text(encoding="utf-8")
        for found in _BLOCK.finditer(text):
            indent, language, inner = found.groups("")
            if language in languages:
                plain = re.sub(f"^{indent}", "", inner, flags=re.MULTILINE)
                yield Block(page, text[: found.start()].count("\n") + 1, language, plain)


def spans(pages: list[Path] = PAGES) -> Iterator[Block]:
    """What stands as code within the text, each in one line; its language is none."""
    for page in pages:
        text = page.read_text(encoding="utf-8")
        text = _BLOCK.sub(lambda found: "\n" * found[0].count("\n"), text)
        for found in _SPAN.finditer(text):
            yield Block(page, text[: found.start()].count("\n") + 1, "", " ".join(found[1].split()))


def lines_of(block: Block) -> Iterator[str]:
    """Its commands, each in one line, without comments."""
    for line in re.sub(r"\\\n\s*", "", block.text).splitlines():
        bare = re.sub(r"(^|\s)#.*$", "", line).strip()
        if bare:
            yield bare
