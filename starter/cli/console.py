"""Where the command line writes: results to standard output, notices and errors to standard error."""

import json
import sys
from typing import Final

from rich.console import Console

PLAIN_WIDTH: Final = 120
"""Columns where there is no terminal to ask, so that tables in logs and files are not cut."""


def output_console() -> Console:
    """For results."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else PLAIN_WIDTH)


def error_console() -> Console:
    """For notices and errors."""
    return Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else PLAIN_WIDTH)


def print_json(content: object) -> None:
    """Results for programs: no colours, and no lines broken for a terminal."""
    print(json.dumps(content, indent=2))  # noqa: T201


def tell(told: str, *, as_json: bool, **facts: object) -> None:
    """What came of something that was asked for: words for people, or these facts with the words for programs."""
    if as_json:
        print_json({**facts, "told": told})
    else:
        error_console().print(told, markup=False, soft_wrap=True)
