"""The commands in the documents, each with the program that it calls: in blocks for a shell, and within the text."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from tests.documentation.blocks import PAGES, Block, blocks, lines_of, spans

SHELL: Final = ("sh", "bash")
"""The languages of blocks that somebody types."""

_FOLDER: Final = re.compile(r"^\S*/bin/(?=\w)")


class TypedLine(NamedTuple):
    """One command: where it stands, and its text without comments, in one line."""

    block: Block
    text: str

    @property
    def name(self) -> str:
        """For the name of a test."""
        return f"{self.block.name} {self.text}"

    @property
    def program(self) -> str:
        """What it calls, without the folder of installed programs; ``=`` where a variable is given text."""
        called = re.sub(r"^[A-Z_]+=\$\(", "", self.text)
        first = _FOLDER.sub("", called).split()[0]
        return "=" if re.match(r"[A-Z_]+=", first) else first


def typed_lines(*programs: str, pages: list[Path] = PAGES) -> Iterator[TypedLine]:
    """Those in blocks for a shell, in the order of the pages: of these programs, or all."""
    for block in blocks(*SHELL, pages=pages):
        for line in lines_of(block):
            for part in line.split(" && "):
                found = TypedLine(block, part)
                if not programs or found.program in programs:
                    yield found


def mentioned(*programs: str, pages: list[Path] = PAGES) -> Iterator[TypedLine]:
    """Those of these programs within the text."""
    for span in spans(pages):
        found = TypedLine(span, span.text)
        if found.program in programs and " " in found.text:
            yield found
