"""YAML as configuration needs it: exact numbers, no key twice, and where in the file each value stands.

A word without quotes means what the core schema of YAML 1.2 says (chapter 10.3): ``0777`` is 777 and no octal number,
``1:30``, ``on`` and a date are text. Keys are always text, and tags (``!!int``) are refused.
"""

import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NamedTuple, cast

import yaml

from rebalancing.base import NUMBER_LENGTH
from rebalancing.web_address import shown

Path = tuple[str | int, ...]
"""The way to a value: keys and list positions from the top."""

MAX_VALUES: Final = 50_000
"""More values than any configuration has; aliases can blow a small file up beyond all memory."""

MERGE: Final = "<<"
"""The key whose block (or blocks) stands in for keys that are not given."""

_INTEGER: Final = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_DECIMAL: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_BASES: Final = {"0o": 8, "0x": 16}
_WORDS: Final[dict[str, object]] = {
    word: meaning
    for meaning, words in (
        (None, ("", "~", "null", "Null", "NULL")),
        (True, ("true", "True", "TRUE")),
        (False, ("false", "False", "FALSE")),
        (Decimal("Infinity"), (".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF")),
        (Decimal("-Infinity"), ("-.inf", "-.Inf", "-.INF")),
        (Decimal("NaN"), (".nan", ".NaN", ".NAN")),
    )
    for word in words
}
_TAGS: Final[dict[type[yaml.Node], str]] = {
    yaml.ScalarNode: yaml.SafeLoader.DEFAULT_SCALAR_TAG,
    yaml.SequenceNode: yaml.SafeLoader.DEFAULT_SEQUENCE_TAG,
    yaml.MappingNode: yaml.SafeLoader.DEFAULT_MAPPING_TAG,
}


class Place(NamedTuple):
    """A place in a file; line and column count from 1. ``file`` is named where it is not the main one."""

    line: int
    column: int
    file: str = ""


class YamlProblem(Exception):
    """The text is no usable YAML. ``place`` is where, and ``field`` what it is about, as far as they are known."""

    def __init__(self, message: str, place: Place | None, field: Path = ()) -> None:
        super().__init__(message)
        self.message = message
        self.place = place
        self.field = field


class Document(NamedTuple):
    """The content of a file, and the place of every value in it."""

    content: object
    places: dict[Path, Place]

    def place(self, path: Path) -> Place | None:
        """Where a value stands; for one that is missing, where what should hold it stands."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path)


def read_yaml(text: str) -> Document:
    """Read one YAML document; decimal numbers become ``Decimal``. Raises ``YamlProblem``."""
    try:
        root = yaml.compose(text, Loader=_Composer)
        if root is None:
            return Document(None, {})
        places: dict[Path, Place] = {}
        content = _read(root, (), _place(root.start_mark), places, frozenset())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = ": ".join(part for part in (error.context, error.problem) if part)
        raise YamlProblem(f"no valid YAML ({what})", _place(mark) if mark else None) from None
    except yaml.YAMLError as error:
        raise YamlProblem(f"no valid YAML ({str(error).splitlines()[0]})", None) from None
    except RecursionError:
        raise YamlProblem("nested too deeply", None) from None
    return Document(content, places)


class _Composer(yaml.SafeLoader):
    """PyYAML as far as the tree of the text. What the words in it mean is said here."""

    yaml_implicit_resolvers: Any = {}


def _read(node: yaml.Node, path: Path, place: Place, places: dict[Path, Place], inside: frozenset[int]) -> object:
    """The content of a node, with the place of every value in it noted in ``places``."""
    if id(node) in inside or len(places) >= MAX_VALUES:
        raise YamlProblem("contains itself, or holds too many values", place)
    places[path] = place
    inside |= {id(node)}
    if node.tag != _TAGS[type(node)]:
        raise YamlProblem("no valid YAML here (tags such as !!int are not allowed)", place, path)
    if isinstance(node, yaml.ScalarNode):
        return node.value if node.style else _plain(node.value, place, path)
    if isinstance(node, yaml.SequenceNode):
        return [_read(item, (*path, i), _place(item.start_mark), places, inside) for i, item in enumerate(node.value)]
    content = {key: _read(value, (*path, key), at, places, inside) for key, value, at in _entries(node)}
    return _merged(content.pop(MERGE), place) | content if MERGE in content else content


def _merged(blocks: object, place: Place) -> dict[str, object]:
    """One block or several in one; what an earlier one says counts."""
    merged: dict[str, object] = {}
    for block in cast("list[object]", blocks if isinstance(blocks, list) else [blocks]):
        if not isinstance(block, dict):
            raise YamlProblem(f"{MERGE} takes a block of keys, or a list of blocks", place)
        merged = cast("dict[str, object]", block) | merged
    return merged


def _entries(mapping: yaml.Node) -> Iterator[tuple[str, yaml.Node, Place]]:
    seen: dict[str, Place] = {}
    for key, value in mapping.value:
        place = _place(key.start_mark)
        if not isinstance(key, yaml.ScalarNode):
            raise YamlProblem("a key must be plain text", place)
        if key.value in seen:
            raise YamlProblem(f"the key {shown(key.value)} is given twice, first in line {seen[key.value].line}", place)
        seen[key.value] = place
        yield key.value, value, place


def _plain(text: str, place: Place, path: Path) -> object:
    """What a word without quotes means."""
    if text in _WORDS:
        return _WORDS[text]
    is_integer = _INTEGER.fullmatch(text) is not None
    if not is_integer and not _DECIMAL.fullmatch(text):
        return text
    if len(text) > NUMBER_LENGTH:
        found = f"{text[:NUMBER_LENGTH]}… ({len(text)} characters)"
        raise YamlProblem(f"found {found}; a number has at most {NUMBER_LENGTH}", place, path)
    if is_integer:
        return int(text, _BASES.get(text[:2], 10))
    number = _exact(text)
    if number is None or abs(number.adjusted()) > NUMBER_LENGTH:
        raise YamlProblem(f"found {text}; a number is less than 1e{NUMBER_LENGTH}, and not as near to 0", place, path)
    return number


def _exact(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:  # the power is beyond what a decimal number can hold
        return None


def _place(mark: yaml.Mark) -> Place:
    return Place(mark.line + 1, mark.column + 1)
