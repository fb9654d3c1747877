"""Summaries: the few words that Temporal's UI shows beside a run, a step and a timer.

A server takes 400 bytes of one (``limit.userMetadataSummarySize``, counted with what is written around the text; the
embedded server was seen to take more), and refuses what is longer with the whole workflow task, again and again. So
every summary is made here.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

LONGEST_SUMMARY: Final = 240
"""Bytes of JSON: the server's 400 less what is written around it, with room for payloads that are encrypted."""

NAMED: Final = 6
"""So many symbols are named; the others are counted."""

_ELLIPSIS: Final = "…"
_NO_MARKDOWN: Final = str.maketrans("[]<>`*", "()‹›'+")


def summary(*parts: str) -> str:
    """Those of these parts that say something, on one line, cut where the server would take no more.

    The UI reads Markdown in it. An event's id is a publisher's own, so nothing in it may become a link.
    """
    words = " ".join(" · ".join(filter(None, parts)).split()).translate(_NO_MARKDOWN).replace("://", ": //")
    return _cut("".join(letter if letter.isprintable() else "?" for letter in words))


def listed(symbols: Iterable[str]) -> str:
    """The first few different ones of these by name, and how many more there are."""
    names = tuple(dict.fromkeys(symbols))
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{', '.join(names[:NAMED])}{more}"


def counted(number: int, what: str) -> str:
    """So many of something, as in ``1 order`` and ``3 orders``."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def dollars(amount: Decimal) -> str:
    """An amount of US dollars for people, without cents."""
    return f"-${-amount:,.0f}" if amount < 0 else f"${amount:,.0f}"


def _cut(text: str) -> str:
    if _size(text) <= LONGEST_SUMMARY:
        return text
    room, kept = LONGEST_SUMMARY - _size(_ELLIPSIS), ""
    for letter in text:
        room -= _size(letter)
        if room < 0:
            break
        kept += letter
    return kept.rstrip() + _ELLIPSIS


def _size(text: str) -> int:
    """The bytes of this text in JSON, where quotes and backslashes take two; it has no control characters."""
    return len(text.encode()) + text.count('"') + text.count("\\")
