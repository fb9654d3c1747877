"""``make reference``: write all that is written from the code: the table of keys, example, schemas, reference."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from configuration.example_file import example_file
from configuration.reference import settings
from starter.cli.file_kinds import FileKind
from starter.cli.schemas import schema_text
from tests.documentation.references import pages
from tests.documentation.written_part import with_part

BEGIN: Final = (
    "<!-- Written by `make reference` from the models' fields: change their descriptions, not this table. -->"
)

DETAILS: Final = {
    "accounts[].guards": "[Guards and approval](../guards-and-approval.md)",
    "accounts[].funding": "[Margin and settlement](../margin-and-settlement.md)",
    "accounts[].market_closed": "[Market hours](../market-hours.md)",
    "accounts[].quotes_needed": "[Quotes](../quotes-and-figures.md)",
    "accounts[].order_policy": "[Order policies](../order-policies.md)",
    "quotes": "[Quotes](../quotes-and-figures.md)",
    "figures": "[Figures](../quotes-and-figures.md#figures-that-are-believed)",
}
"""Where the documents tell more of a key."""


def rows() -> Iterator[tuple[str, str, str]]:
    """Key, meaning and default of everything that may be written."""
    for setting in settings():
        more = [f"See {DETAILS[setting.key]}."] if setting.key in DETAILS else []
        yield setting.key, " ".join([setting.meaning.replace("|", "\\|"), *more]), setting.default


def table() -> str:
    """All rows in Markdown."""
    lines = ["| key | meaning | default |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| `{key}` | {meaning} | {default} |" for key, meaning, default in rows())])


def with_table(document: str) -> str:
    """The document with the table as it should be. Raises ``ValueError`` where the two markers are not in it."""
    return with_part(document, table(), BEGIN)


def files() -> Mapping[str, str]:
    """What else is written from the models, by where it stands."""
    schemas = {f"docs/schemas/{kind}.schema.json": schema_text(kind) for kind in FileKind}
    return {"accounts.example.yaml": example_file(), **schemas, **pages()}


def main() -> int:
    """Write the table into its page, and the other files."""
    page = Path("docs/reference/configuration.md")
    page.write_text(with_table(page.read_text(encoding="utf-8")), encoding="utf-8")
    for name, text in files().items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
