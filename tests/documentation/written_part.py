"""The part of a hand-written page that is written from the code: what stands between two lines."""

from typing import Final

from tests.source_tree import ROOT

WRITTEN: Final = "<!-- Written by `make reference` from the code: change it there, not here. -->"
END: Final = "<!-- End of what `make reference` writes. -->"


def with_part(document: str, part: str, begin: str = WRITTEN) -> str:
    """The document with the part as it should be. Raises ``ValueError`` where the two lines are not in it."""
    before, _, rest = document.partition(begin)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"the lines {begin!r} and {END!r} are not there")
    return f"{before}{begin}\n\n{part}\n\n{END}{after}"


def page_with(name: str, part: str) -> str:
    """The page of this path, with its part as it should be."""
    return with_part((ROOT / name).read_text(encoding="utf-8"), part)
