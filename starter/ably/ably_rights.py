"""What an Ably key may do, as Ably itself says in the token that it makes for one."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from ably import AblyRest

from starter.ably.ably_failures import keep_key_out_of_logs, translated
from starter.ably.ably_options import rest_options
from starter.ably.ably_settings import AblySettings, AblyTimings

NEEDED: Final = frozenset({"subscribe", "history"})
"""Of the listener, on the channels of the strategies."""

PUBLISH: Final = "publish"
"""Needed on the channel of outcomes, where there is one."""


async def rights(settings: AblySettings, timings: AblyTimings | None = None) -> Mapping[str, Sequence[str]]:
    """The operations that the key allows, by channel (or a pattern of channels).

    Raises ``AblyKeyRefusedError`` or ``AblyUnavailableError``.
    """
    keep_key_out_of_logs()
    limit = (timings or AblyTimings()).request_timeout
    try:
        async with asyncio.timeout(limit), AblyRest(**rest_options(settings)) as client:
            token = await client.auth.request_token()
            return {str(channel): tuple(map(str, operations)) for channel, operations in token.capability.items()}
    except Exception as error:  # the library lets errors of its own libraries through
        raise translated(error, settings) from None


def needless(granted: Mapping[str, Sequence[str]], outcomes: str | None) -> tuple[str, ...]:
    """What of it nothing needs, in words; ``outcomes`` is the channel that outcomes are published on, if they are."""
    return tuple(
        f"{operation if operation != '*' else 'anything'} on {channel}"
        for channel, operations in granted.items()
        for operation in operations
        if operation not in NEEDED and not (operation == PUBLISH and channel == outcomes)
    )
