"""Measures one connection to the gateway: that it is held, and how many messages a second go over it."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final, Protocol

from contract import metrics

WINDOW: Final = 15
"""Seconds whose busiest one is shown: as long as Prometheus usually waits between two looks."""


class Sends(Protocol):
    """What tells how much it has sent."""

    @property
    def messages_sent(self) -> int:
        """Messages since it was opened."""
        ...


@asynccontextmanager
async def measured_connection(session: Sends, gateway: str | None) -> AsyncGenerator[None]:
    """Show this connection as held for the time of the block, and count what goes over it."""
    name, meter = gateway_label(gateway), metrics.process_meter()
    metrics.GATEWAY_CONNECTED.set(meter, 1, gateway=name)
    metrics.CONNECTIONS_LOST.add(meter, 0, gateway=name)
    counting = asyncio.create_task(_count(session, name)) if metrics.is_measured() else None
    try:
        yield
    finally:
        metrics.GATEWAY_CONNECTED.set(meter, 0, gateway=name)
        metrics.CONNECTIONS_LOST.add(meter, gateway=name)
        metrics.MESSAGES_A_SECOND.set(meter, 0, gateway=name)
        if counting is not None:
            counting.cancel()


def show_unconnected(gateway: str | None) -> None:
    """Show that this process does not hold the connection, before it ever did."""
    metrics.GATEWAY_CONNECTED.set(metrics.process_meter(), 0, gateway=gateway_label(gateway))


def gateway_label(gateway: str | None) -> str:
    """What a gateway is called in metrics."""
    return gateway or "default"


async def _count(session: Sends, name: str) -> None:
    meter, seconds, counted = metrics.process_meter(), deque[int](maxlen=WINDOW), 0
    while True:
        sent = session.messages_sent
        seconds.append(sent - counted)
        metrics.MESSAGES.add(meter, sent - counted, gateway=name)
        metrics.MESSAGES_A_SECOND.set(meter, max(seconds), gateway=name)
        counted = sent
        await asyncio.sleep(1)
