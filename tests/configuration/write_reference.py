"""``make reference``: write the table of all keys of ``accounts.yaml`` into README.md."""

import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Final

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from configuration.blocks import ANY, BlockPath, inner_blocks, written_fields
from configuration.configuration_file import ConfigurationFile

BEGIN: Final = (
    "<!-- Written by `make reference` from the models' fields: change their descriptions, not this table. -->"
)
END: Final = "<!-- End of what `make reference` writes. -->"

DEFAULTS: Final = {
    "accounts[].type": "by the number: `D…` is paper",
    "accounts[].gateway": "the one without a name",
    "accounts[].quotes_needed": "`live` for live accounts, `delayed` for paper accounts",
    "accounts[].order_policy.cushion_percent": "`0.1`, `2`",
    "accounts[].lots": "`1` each",
    "accounts[].allocations": "the allocations API",
    "accounts[].order_policy": "market orders",
    "concurrency.max_concurrent_rebalances": "accounts interleave",
}
"""Defaults that depend on something else, or that say more than that there is none."""

DETAILS: Final = {
    "accounts[].guards": "[Guards and approval](#guards-and-approval)",
    "accounts[].funding": "[Margin and settlement](#margin-and-settlement)",
    "accounts[].market_closed": "[Market hours](#market-hours)",
    "accounts[].quotes_needed": "[Quotes](#quotes)",
    "accounts[].order_policy": "[Order policies](#order-policies)",
    "quotes": "[Quotes](#quotes)",
    "figures": "[Figures](#figures-that-are-believed)",
}
"""Where README tells more of a key."""


def rows() -> Iterator[tuple[str, str, str]]:
    """Key, meaning and default of everything that may be written."""
    yield from _rows(ConfigurationFile, (), {})


def table() -> str:
    """All rows in Markdown."""
    lines = ["| key | meaning | default |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| `{key}` | {meaning} | {default} |" for key, meaning, default in rows())])


def with_table(document: str) -> str:
    """The document with the table as it should be. Raises ``ValueError`` where the two markers are not in it."""
    before, _, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"the lines {BEGIN!r} and {END!r} are not there")
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}"


def _rows(
    model: type[BaseModel], path: BlockPath, listed: dict[type[BaseModel], str]
) -> Iterator[tuple[str, str, str]]:
    """A block's keys, each followed by those of the blocks in it; those of a block that was listed are not repeated."""
    for name, field in written_fields(model).items():
        key, found = _written((*path, name)), list(inner_blocks(field.annotation))
        elsewhere = [f"The keys are those of `{listed[inner]}`." for _, inner in found if inner in listed]
        more = f"See {DETAILS[key]}." if key in DETAILS else ""
        meaning = " ".join([*(field.description or "").replace("|", "\\|").split(), *elsewhere, more]).strip()
        yield key, meaning, DEFAULTS.get(key) or _default(field, has_keys=bool(found))
        for way, inner in found:
            if inner not in listed:
                listed[inner] = key
                yield from _rows(inner, (*path, name, *way), listed)


def _written(path: BlockPath) -> str:
    """A key as people write it: ``accounts[].type``, ``replacement_sets.<name>[].scale``."""
    key = ""
    for number, part in enumerate(path):
        if part != ANY:
            key += f".{part}" if key else part
        elif path[:number] == ("replacement_sets",):
            key += ".<name>"
        else:
            key += "[]"
    return key


def _default(field: FieldInfo, *, has_keys: bool) -> str:
    if field.is_required():
        return "needed"
    value = field.get_default(call_default_factory=True)  # pyright: ignore[reportUnknownVariableType, reportCallIssue]
    if isinstance(value, BaseModel) or (has_keys and value is None):
        return ""
    if value is None or value in ((), frozenset(), {}):
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return (
        f"`{value:f}`" if isinstance(value, Decimal) else f"`{value:g}`" if isinstance(value, float) else f"`{value}`"
    )


def main() -> int:
    """Write the table into the document that is named, or README.md."""
    path = Path(sys.argv[1] if len(sys.argv) > 1 else "README.md")
    path.write_text(with_table(path.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
