"""Figures that were measured stand beside the command that measured them and the commit at which that was.

It needs no history: that there is such a commit is not looked at, for a clone may be shallow.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

import pytest

from tests.documentation.blocks import PAGES
from tests.source_tree import ROOT

WRITTEN_FROM_CODE: Final = ("docs/reference/", "docs/metrics.md")
"""What stands there are settings and limits."""

RECORDS: Final = "docs/adr/"
"""Each belongs to the commit it came with."""

BLOCK: Final = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)

HEADING: Final = re.compile(r"\b(?:measured|results|was run|costs?)\b", re.IGNORECASE)
"""A section that is called so tells what was measured."""

FIGURE: Final = re.compile(
    r"\bmedians?\b|\bquiet machine\b|\b\d+ passed\b"
    r"|(?<!over )\b\d[\d.,]* ?(?:ms|µs|KiB|MiB|MB)\b"
    r"|\b20\d\d-\d\d-\d\d(?:\)|, )"
)
"""What nobody writes of a limit: such words, units of what is small, and the day."""

COMMIT: Final = re.compile(r"`[0-9a-f]{7}`|\bthe commit that (?:added|wrote) it\b")
COMMAND: Final = re.compile(
    r"`(?:make|python|docker|systemd-analyze|rebalancer) [^`]+`|`make`|by which command was not|the command was not"
)


class Section(NamedTuple):
    """A heading and what stands below it, up to the next one; blocks of code are left out."""

    page: str
    heading: str
    text: str

    @property
    def tells_figures(self) -> bool:
        """Whether something in it was measured."""
        return bool(HEADING.search(self.heading) or FIGURE.search(self.text))

    @property
    def lacks(self) -> list[str]:
        """What a reader would have to guess."""
        wanted = {"a commit": COMMIT, "a command": COMMAND}
        return [name for name, pattern in wanted.items() if not pattern.search(self.text)]


def sections_of(page: str, text: str) -> Iterator[Section]:
    """All of a page, what stands above its first heading included."""
    for part in re.split(r"^(?=#+ )", BLOCK.sub("", text), flags=re.MULTILINE):
        heading, _, below = part.partition("\n")
        yield Section(page, heading.strip("# "), below)


def with_figures() -> Iterator[Section]:
    """Those of all pages that tell what was measured."""
    for path in PAGES:
        page = path.relative_to(ROOT).as_posix()
        if not page.startswith((*WRITTEN_FROM_CODE, RECORDS)):
            yield from (each for each in sections_of(page, path.read_text(encoding="utf-8")) if each.tells_figures)


@pytest.mark.parametrize("section", list(with_figures()), ids=lambda each: f"{each.page}:{each.heading}")
def test_figures_stand_beside_their_commit_and_command(section: Section) -> None:
    assert section.lacks == []


def test_the_pages_of_figures_are_among_them() -> None:
    pages = {section.page for section in with_figures()}
    assert pages >= {
        f"docs/{name}.md" for name in ("performance", "planner", "reliability", "encryption", "deployment")
    }


@pytest.mark.parametrize(
    ("text", "lacks"),
    [
        ("## Speed\n\nIt takes 12 ms (`make bench`, at `99fcd06`).", []),
        ("## Speed\n\nIt takes 12 ms (`make bench`).", ["a commit"]),
        ("## Speed\n\nThe median is 3 s, at `99fcd06`.", ["a command"]),
        ("## What was measured\n\nNothing yet.", ["a commit", "a command"]),
        ("## Speed\n\n```\nmake bench\n```\n\nUsed are 98 MiB, at `99fcd06`.", ["a command"]),
    ],
)
def test_what_is_missing_is_named(text: str, lacks: list[str]) -> None:
    (section,) = (each for each in sections_of("docs/speed.md", text) if each.heading)
    assert section.tells_figures
    assert section.lacks == lacks


@pytest.mark.parametrize("text", ["## Limits\n\nFails after 10 s.", "## Limits\n\nBodies over 8 MiB are refused."])
def test_a_limit_is_no_figure(text: str) -> None:
    assert not any(section.tells_figures for section in sections_of("docs/limits.md", text))
