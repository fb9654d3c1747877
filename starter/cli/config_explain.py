"""``rebalancer config explain``: what a key of ``accounts.yaml`` means, and what the file in use says."""

import difflib
import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Final, NamedTuple, cast

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from configuration.blocks import is_at
from configuration.configuration import as_mapping, read_contents
from configuration.reference import Setting, settings
from configuration.yaml_text import Document, YamlProblem, read_yaml
from configuration.yaml_text import Path as FieldPath
from rebalancing.web_address import without_secrets
from starter.cli.console import output_console, print_json
from starter.cli.setup import read_connections
from starter.desk.mistakes import UserMistake

MOST_EXPLAINED: Final = 3
"""More keys than this are listed in a table."""


class Written(NamedTuple):
    """What the file in use says, and where; as JSON."""

    line: int
    value: str


async def run_explain_command(key: str | None, *, as_json: bool) -> None:
    """Explain the keys that are meant. Raises ``UserMistake`` where none is, or the file cannot be read."""
    every = list(settings())
    found = every if key is None else meant(key, every)
    if not found:
        raise UserMistake(_unknown(key or "", every))
    file = read_connections().accounts_file
    document = _document(file)
    said = {each.key: tuple(written(each, document)) for each in found}
    if as_json:
        print_json([_as_json(each, said[each.key]) for each in found])
    else:
        output_console().print(_listed(found) if len(found) > MOST_EXPLAINED else _explained(found, said, file))


def meant(key: str, every: list[Setting]) -> list[Setting]:
    """The keys that somebody means: that of this name, else those that end so; each with the keys in it."""
    wanted = _plain(key)
    named = [each for each in every if _plain(each.key) == wanted]
    named = named or [each for each in every if _plain(each.key).endswith(f".{wanted}")]
    below = tuple(f"{_plain(each.key)}." for each in named)
    return [each for each in every if each in named or _plain(each.key).startswith(below)]


def _plain(key: str) -> str:
    """A key without what stands for positions and names: ``accounts[].lots`` is ``accounts.lots``."""
    return re.sub(r"\[[^\]]*\]|\.<name>", "", key).strip(".")


def _unknown(key: str, every: list[Setting]) -> str:
    names = {each.name: each.key for each in every} | {_plain(each.key): each.key for each in every}
    near = difflib.get_close_matches(_plain(key), names, n=1)
    hint = f" Do you mean {names[near[0]]}?" if near else ""
    return f"accounts.yaml has no key {key[:60]!r}.{hint} `rebalancer config explain` lists all."


def written(setting: Setting, document: Document) -> Iterator[Written]:
    """Where the file says something of this key."""
    for path, place in document.places.items():
        if is_at(setting.path, path):
            yield Written(place.line, _shown(_value(document.content, path)))


def _document(file: Path) -> Document:
    """The file as it is written; without one, nothing. Raises ``UserMistake``."""
    if not file.exists():
        return Document(None, {})
    try:
        return as_mapping(read_yaml(read_contents(file).text))
    except YamlProblem as problem:
        raise UserMistake(f"{file} is {problem.message}: `rebalancer check` says where.") from None


def _value(content: object, path: FieldPath) -> object:
    for part in path:
        content = cast("Mapping[object, object]", content)[part]
    return content


def _shown(value: object) -> str:
    text = str(value) if isinstance(value, str | Decimal) else json.dumps(value, default=str, ensure_ascii=False)
    return without_secrets(text)


def _as_json(each: Setting, said: tuple[Written, ...]) -> Mapping[str, object]:
    facts = {name: fact for name, fact in each._asdict().items() if name != "path"}
    return {**facts, "written": [entry._asdict() for entry in said]}


def _listed(found: list[Setting]) -> RenderableType:
    table = Table()
    table.add_column("key", no_wrap=True)
    table.add_column("meaning")
    table.add_column("default")
    for each in found:
        table.add_row(escape(each.key), escape(each.meaning.replace("`", "")), escape(each.default.replace("`", "")))
    return table


def _explained(found: list[Setting], said: Mapping[str, tuple[Written, ...]], file: Path) -> RenderableType:
    parts: list[RenderableType] = []
    for each in found:
        if parts:
            parts.append(Text())
        parts += [Text(each.key, style="bold"), Text(f"  {each.meaning.replace('`', '')}")]
        facts = {"allowed": each.allowed, "default": each.default.replace("`", ""), "example": _example(each)}
        parts += [Text(f"  {name}: {fact}") for name, fact in facts.items() if fact]
        lines = [Text(f"  {file}:{entry.line}: {each.name}: {entry.value}") for entry in said[each.key]]
        parts += lines or [
            Text(f"  {file} does not have it" if file.exists() else f"  there is no {file}", style="dim")
        ]
    return Group(*parts)


def _example(each: Setting) -> str:
    return f"{each.name}: {each.example}" if each.example else ""
