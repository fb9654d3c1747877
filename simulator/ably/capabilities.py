"""What a credential may do, channel by channel."""

import json
from collections.abc import Mapping, Sequence
from typing import cast

from simulator.ably.errors import bad_request

Capability = Mapping[str, Sequence[str]]
"""Channel pattern to the operations allowed there, e.g. `{"signals:*": ["subscribe", "history"]}`."""


def parse_capability(text: str) -> Capability:
    """The capability in JSON text, as token requests and JWTs carry it.

    Raises:
        AblyError: 40000, if it is none.
    """
    try:
        wish = json.loads(text)
    except (ValueError, RecursionError):
        wish = None
    if not isinstance(wish, dict) or not all(_is_list_of_text(one) for one in cast("dict[str, object]", wish).values()):
        raise bad_request('a capability is a JSON object such as {"signals:*": ["subscribe", "history"]}')
    return cast(Capability, wish)


def allows(capability: Capability, operation: str, channel: str) -> bool:
    """Whether `operation` is allowed on `channel`."""
    return any(
        _matches(pattern, channel) and ("*" in operations or operation in operations)
        for pattern, operations in capability.items()
    )


def _is_list_of_text(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in cast("list[object]", value))


def _matches(pattern: str, channel: str) -> bool:
    """A `*` stands for one whole segment, or as the last segment for all that remain."""
    wanted, actual = pattern.split(":"), channel.split(":")
    if wanted[-1] == "*" and len(actual) >= len(wanted):
        actual = actual[: len(wanted)]
    return len(wanted) == len(actual) and all(w in ("*", a) for w, a in zip(wanted, actual, strict=True))
