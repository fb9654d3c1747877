"""What is told of an environment variable that no model of settings has, beside where it is read."""

from typing import NamedTuple


class Variable(NamedTuple):
    """``meaning`` and ``default`` are Markdown."""

    name: str
    meaning: str
    default: str
    example: str
