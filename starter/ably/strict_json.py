"""JSON as its standard has it: what can be read in two ways is not read at all."""

import json
from typing import NoReturn, cast


def strict_json(text: str | bytes | bytearray) -> object:
    """The value in `text`.

    Raises:
        ValueError: it is no JSON, is nested too deeply, names a number that is none, or an object has a key twice:
            readers differ in which of the two values counts, so a publisher may have meant either.
    """
    try:
        return cast(object, json.loads(text, object_pairs_hook=_object, parse_constant=_refused))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key!r:.40} is in it twice")
        found[key] = value
    return found


def _refused(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number")
