"""``make reference``: write the table of all metrics into docs/metrics.md."""

from typing import Final

from contract.metrics import ALL
from tests.source_tree import ROOT

DOCUMENT: Final = ROOT / "docs" / "metrics.md"

BEGIN: Final = "<!-- Written by `make reference` from contract/metrics.py: change it there, not in this table. -->"
END: Final = "<!-- End of what `make reference` writes. -->"


def table() -> str:
    """All metrics in Markdown."""
    rows = [
        f"| `{each.shown}` | {each.kind} | {', '.join(f'`{label}`' for label in each.labels)} | {each.description} |"
        for each in ALL
    ]
    return "\n".join(["| metric | kind | labels | meaning |", "|---|---|---|---|", *rows])


def with_table(document: str) -> str:
    """The document with the table as it should be. Raises ``ValueError`` where the two markers are not in it."""
    before, _, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"the lines {BEGIN!r} and {END!r} are not there")
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}"


if __name__ == "__main__":
    DOCUMENT.write_text(with_table(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
