"""YAML as its version 1.2 has it (core schema, chapter 10.3): ``0777`` is 777; ``1:30``, ``on`` and a date are text.

PyYAML reads version 1.1, in which ``0777`` is 511, ``1:30`` is 90 and ``no`` is false: a scenario would silently mean
something else than the configuration of whatever is tested with it.
"""

import re
from typing import Any, Final

import yaml

_TAG: Final = "tag:yaml.org,2002:"

_WORDS: Final = {
    "null": r"~|null|Null|NULL|",
    "bool": r"true|True|TRUE|false|False|FALSE",
    "int": r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+",
    "float": r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
    "merge": r"<<",
}
"""What words without quotes are, in the order in which they are tried; all others are text."""

_BASES: Final = {"0o": 8, "0x": 16}


def read_words(text: str) -> object:
    """The content of one YAML document. Raises ``yaml.YAMLError``."""
    try:
        return yaml.load(text, Loader=_CoreLoader)  # it is a safe one
    except RecursionError:
        raise yaml.YAMLError("nested too deeply") from None


class _CoreLoader(yaml.SafeLoader):
    yaml_implicit_resolvers: Any = {
        None: [(f"{_TAG}{kind}", re.compile(f"^(?:{words})$")) for kind, words in _WORDS.items()]
    }

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        """A whole number; more digits than Python reads are no number of anything here."""
        try:
            return int(node.value, _BASES.get(node.value[:2], 10))
        except ValueError:
            problem = f"a number of {len(node.value)} characters"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark) from None


_CoreLoader.add_constructor(f"{_TAG}int", _CoreLoader.construct_yaml_int)
