"""The pages that say what each failure, phase and alert means and what to do, written from what `explain` prints."""

import re
from collections.abc import Mapping
from typing import Final

from starter.desk.explain import KINDS, Explanation, explanations

HEADS: Final[Mapping[str, str]] = {
    "failure": (
        "# Errors\n\n{written}\n\nThe name stands in Temporal's UI as the type of a failure, in the dashboard and in "
        "`rebalancer history`; the message says what happened, to which account or file, and ends with the command "
        "that prints what stands here:\n\n```sh\nrebalancer explain QuoteStale\n```\n\n*Tried again* means by itself, "
        "within the rebalance's own time. A type that is not here is a defect: please report it."
    ),
    "phase": (
        "# What do I do when it is …\n\n{written}\n\nThe phases of a rebalance, as `rebalancer status`, the dashboard "
        "and Temporal's UI show them. In the terminal:\n\n```sh\nrebalancer explain waiting for market\n```"
    ),
    "alert": (
        "# What do I do when this alert comes\n\n{written}\n\nEach message says it as well. By the kinds that "
        "`alerts.receivers` takes ([Alerts](../alerts.md)). In the terminal:\n\n```sh\nrebalancer explain "
        "gateway_away\n```"
    ),
}

_PAGE: Final = re.compile(r"\b(docs/[\w/-]+\.md|SECURITY\.md)")


def pages(written: str) -> Mapping[str, str]:
    """Every page by its path; ``written`` is the note that it is written from the code."""
    return {f"docs/{place}.md": _page(kind, HEADS[kind].format(written=written)) for kind, place in KINDS.items()}


def _page(kind: str, head: str) -> str:
    sections = [_section(each) for each in explanations() if each.kind == kind]
    return "\n\n".join([head, *sections]) + "\n"


def _section(each: Explanation) -> str:
    meaning = f"{each.meaning} {each.note}".rstrip()
    return f"## {each.name}\n\n{_linked(meaning)}\n\n**Do:** {_linked(each.do)}"


def _linked(text: str) -> str:
    return _PAGE.sub(lambda found: f"[{found[1]}]({_relative(found[1])})", text)


def _relative(page: str) -> str:
    return f"../{page.removeprefix('docs/')}" if page.startswith("docs/") else f"../../{page}"
