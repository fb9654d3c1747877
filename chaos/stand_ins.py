"""Talking to the stand-ins from outside, when any of them may be away: a gateway's prices, and events for Ably."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

import httpx

from chaos.accounts import START_PRICES
from chaos.price_log import PriceLog
from chaos.timeline import Publish
from testbed.gateway_control import GatewayControl
from testbed.publishing import event, publish

RETRY_PAUSE: Final = 0.3
CENT: Final = Decimal("0.01")
FURTHEST_PRICE: Final = Decimal("0.12")
"""How far a price may get from the last close, as a share of it: a fifth is what the application believes."""


async def insist(attempt: Callable[[], Awaitable[bool]], pause: float = RETRY_PAUSE) -> None:
    """Try again until a stand-in, which may be away, has done it: every fault is to happen."""
    while not await attempt():  # noqa: ASYNC110  # another process's state
        await asyncio.sleep(pause)


def believable(symbol: str, price: Decimal, factor: Decimal) -> Decimal:
    """The price after its move; the other way where it would go too far.

    A gateway that was killed comes back with older prices, and so jumps that were drawn to cancel out add up.
    """
    start, moved = START_PRICES[symbol], price * factor
    if abs(moved - start) > start * FURTHEST_PRICE and abs(moved - start) > abs(price - start):
        moved = price / factor
    return moved.quantize(CENT)


class MovingGateway(GatewayControl):
    """A gateway whose prices are moved, and noted."""

    def __init__(self, http: httpx.AsyncClient, port: int) -> None:
        super().__init__(http, port)
        self.price_log = PriceLog()

    async def move_prices(self, factors: Mapping[str, float]) -> bool:
        """Multiply prices: from what they are now, which after a crash may not be what they were set to last."""
        answer = await self.ask("POST", "/prices", {})
        if answer is None:
            return False
        now = {symbol: Decimal(price) for symbol, price in answer["prices"].items()}
        moved = {symbol: believable(symbol, now[symbol], Decimal(str(factor))) for symbol, factor in factors.items()}
        self.price_log.note(datetime.now(UTC), now)
        done = await self.tell("POST", "/prices", {symbol: f"{price:f}" for symbol, price in moved.items()})
        # Also where no answer came: a frozen gateway does it once it goes on.
        self.price_log.note(datetime.now(UTC), moved)
        return done


class Publisher:
    """Publishes events, each until Ably has it.

    The stand-in forgets its history when it is killed, which the real Ably does not: what it had is published again,
    under the same event ids. So the same history is read many times, and must be carried out once.
    """

    def __init__(self, http: httpx.AsyncClient, port: int) -> None:
        self.published: list[Publish] = []
        self._http = http
        self._port = port
        self._one_at_a_time = asyncio.Lock()

    async def publish(self, step: Publish) -> None:
        """Publish an event; returns when Ably has it."""
        async with self._one_at_a_time:
            self.published.append(step)
            await self._send(step)

    async def publish_again(self) -> None:
        """Publish everything again, in the same order."""
        async with self._one_at_a_time:
            for step in self.published:
                await self._send(step)

    async def _send(self, step: Publish) -> None:
        while True:
            try:
                await publish(self._http, self._port, step.strategy, event(step.event_id, live=step.live))
            except httpx.RequestError:
                await asyncio.sleep(RETRY_PAUSE)
            else:
                return
