"""Client objects of the unmodified library, pointed at the stand-in."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from ably import AblyRealtime, AblyRest

from simulator.ably import SimulatedAbly

KEY = "app.key:secret"
WAIT = 5.0
"""Seconds after which a test gives up waiting."""


@asynccontextmanager
async def realtime(ably: SimulatedAbly, **options: Any) -> AsyncGenerator[AblyRealtime]:
    """A realtime client that retries fast; closed at the end."""
    settings: dict[str, Any] = {
        "key": KEY,
        "endpoint": ably.address,
        "tls": False,
        "disconnected_retry_timeout": 50,
        "realtime_request_timeout": 2000,
        **options,
    }
    client = AblyRealtime(**settings)
    try:
        yield client
    finally:
        await asyncio.wait_for(client.close(), WAIT)


@asynccontextmanager
async def rest(ably: SimulatedAbly, **options: Any) -> AsyncGenerator[AblyRest]:
    """A REST client that signs token requests, as it must over plain HTTP."""
    settings: dict[str, Any] = {
        "key": KEY,
        "endpoint": ably.endpoint,
        "port": ably.port,
        "tls": False,
        "use_token_auth": True,
        **options,
    }
    async with AblyRest(**settings) as client:
        yield client
