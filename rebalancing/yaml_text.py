"""YAML as configuration needs it: exact numbers, no key twice, and where in the file each value stands."""

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import NamedTuple

import yaml

from rebalancing.web_address import shown

Path = tuple[str | int, ...]
"""The way to a value: keys and list positions from the top."""

MAX_VALUES = 50_000
"""More values than any configuration has; aliases can blow a small file up beyond all memory."""


class Place(NamedTuple):
    """A place in a file; line and column count from 1. ``file`` is named where it is not the main one."""

    line: int
    column: int
    file: str = ""


class YamlProblem(Exception):
    """The text is no usable YAML. ``place`` is where, as far as it is known."""

    def __init__(self, message: str, place: Place | None) -> None:
        super().__init__(message)
        self.message = message
        self.place = place


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
        root = yaml.compose(text, Loader=_Loader)
        if root is None:
            return Document(None, {})
        places = dict(_walk(root))
        loader = _Loader("")
        try:
            content: object = loader.construct_document(root)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = ": ".join(part for part in (error.context, error.problem) if part)
        raise YamlProblem(f"no valid YAML ({what})", _place(mark) if mark else None) from None
    except yaml.YAMLError as error:
        raise YamlProblem(f"no valid YAML ({str(error).splitlines()[0]})", None) from None
    except RecursionError:
        raise YamlProblem("nested too deeply", None) from None
    return Document(content, places)


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, with exact decimal numbers and dates left as text."""


def _exact_number(loader: _Loader, node: yaml.ScalarNode) -> object:
    text = loader.construct_scalar(node)
    named = {".inf": "Infinity", "+.inf": "Infinity", "-.inf": "-Infinity", ".nan": "NaN"}
    try:
        return Decimal(named.get(text.lower(), text.replace("_", "")))
    except InvalidOperation:
        return text


def _text(loader: _Loader, node: yaml.ScalarNode) -> object:
    return loader.construct_scalar(node)


_Loader.add_constructor("tag:yaml.org,2002:float", _exact_number)
_Loader.add_constructor("tag:yaml.org,2002:timestamp", _text)


def _walk(root: yaml.Node) -> Iterator[tuple[Path, Place]]:
    """Every value with its place, refusing keys given twice and structures that contain themselves."""
    todo: list[tuple[Path, yaml.Node, Place, frozenset[int]]] = [((), root, _place(root.start_mark), frozenset())]
    count = 0
    while todo:
        path, node, place, parents = todo.pop()
        count += 1
        if id(node) in parents or count > MAX_VALUES:
            raise YamlProblem("contains itself, or holds too many values", place)
        yield path, place
        inside = parents | {id(node)}
        if isinstance(node, yaml.SequenceNode):
            todo += [((*path, i), item, _place(item.start_mark), inside) for i, item in enumerate(node.value)]
        if isinstance(node, yaml.MappingNode):
            todo += [((*path, k), v, at, inside) for k, v, at in _entries(node)]


def _entries(mapping: yaml.MappingNode) -> Iterator[tuple[str, yaml.Node, Place]]:
    seen: dict[str, Place] = {}
    for key, value in mapping.value:
        place = _place(key.start_mark)
        if not isinstance(key, yaml.ScalarNode):
            raise YamlProblem("a key must be plain text", place)
        if key.value in seen:
            raise YamlProblem(f"the key {shown(key.value)} is given twice, first in line {seen[key.value].line}", place)
        seen[key.value] = place
        yield key.value, value, place


def _place(mark: yaml.Mark) -> Place:
    return Place(mark.line + 1, mark.column + 1)
