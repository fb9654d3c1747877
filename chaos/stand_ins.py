"""Talking to the stand-ins from outside: the gateway's control port, and Ably's REST interface as a publisher."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import httpx

from chaos.portfolios import START_PRICES
from chaos.price_log import PriceLog
from chaos.timeline import Publish, Rule

ABLY_KEY: Final = "chaos.key:for-this-run-only"
PATIENCE: Final = 2.0
"""Seconds for one answer; a frozen process gives none."""

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
    start, moved = Decimal(START_PRICES[symbol]), price * factor
    if abs(moved - start) > start * FURTHEST_PRICE and abs(moved - start) > abs(price - start):
        moved = price / factor
    return moved.quantize(CENT)


class GatewayControl:
    """The gateway's control port. A gateway that is away is told nothing."""

    def __init__(self, http: httpx.AsyncClient, port: int) -> None:
        self._http = http
        self._address = f"http://127.0.0.1:{port}"
        self.price_log = PriceLog()

    async def add_rules(self, rules: Sequence[Rule]) -> bool:
        """Put fault rules in force; whether the gateway took them."""
        return await self._tell("POST", "/faults", [dict(rule) for rule in rules])

    async def clear_rules(self) -> bool:
        """Drop all fault rules."""
        return await self._tell("DELETE", "/faults", None)

    async def move_prices(self, factors: Mapping[str, float]) -> bool:
        """Multiply prices: from what they are now, which after a crash may not be what they were set to last."""
        try:
            answer = await self._http.post(f"{self._address}/prices", json={}, timeout=PATIENCE)
        except httpx.HTTPError:
            return False
        answer.raise_for_status()
        now = {symbol: Decimal(price) for symbol, price in answer.json()["prices"].items()}
        moved = {symbol: believable(symbol, now[symbol], Decimal(str(factor))) for symbol, factor in factors.items()}
        self.price_log.note(datetime.now(UTC), now)
        done = await self._tell("POST", "/prices", {symbol: f"{price:f}" for symbol, price in moved.items()})
        # Also where no answer came: a frozen gateway does it once it goes on.
        self.price_log.note(datetime.now(UTC), moved)
        return done

    async def keep_sessions(self, sessions: Sequence[tuple[datetime, datetime]]) -> bool:
        """Let everything trade in these times only; in none: always."""
        told = [{"opens": opens.isoformat(), "closes": closes.isoformat()} for opens, closes in sessions]
        return await self._tell("POST" if told else "DELETE", "/sessions", told or None)

    async def has_struck(self, rule: Rule) -> bool:
        """Whether every rule like this one has struck by now; not, if the gateway does not answer."""
        try:
            rules = await self.read("faults")
        except httpx.HTTPError:
            return False
        return not any(each["action"] == rule["action"] and each["struck"] == 0 for each in rules)

    async def read(self, what: str) -> Any:
        """``accounts``, ``orders`` or ``executions``. Raises ``httpx.HTTPError``."""
        answer = await self._http.get(f"{self._address}/{what}", timeout=10.0)
        answer.raise_for_status()
        return answer.json()

    async def _tell(self, method: str, path: str, body: object) -> bool:
        try:
            answer = await self._http.request(method, self._address + path, json=body, timeout=PATIENCE)
        except httpx.HTTPError:
            return False
        answer.raise_for_status()
        return True


class Publisher:
    """Publishes events, each until Ably has it.

    The stand-in forgets its history when it is killed, which the real Ably does not: what it had is published again,
    under the same event ids. So the same history is read many times, and must be carried out once.
    """

    def __init__(self, http: httpx.AsyncClient, port: int) -> None:
        self.published: list[Publish] = []
        self._http = http
        self._address = f"http://127.0.0.1:{port}/channels"
        self._one_at_a_time = asyncio.Lock()

    async def publish(self, event: Publish) -> None:
        """Publish an event; returns when Ably has it."""
        async with self._one_at_a_time:
            self.published.append(event)
            await self._send(event)

    async def publish_again(self) -> None:
        """Publish everything again, in the same order."""
        async with self._one_at_a_time:
            for event in self.published:
                await self._send(event)

    async def _send(self, event: Publish) -> None:
        key_name, _, secret = ABLY_KEY.partition(":")
        data = {"execution": "rebalance" if event.live else "dry_run", "eventId": event.event_id}
        address = f"{self._address}/{event.strategy}/messages"
        while True:
            try:
                answer = await self._http.post(
                    address, json={"name": "rebalance", "data": data}, auth=(key_name, secret), timeout=PATIENCE
                )
            except httpx.HTTPError:
                await asyncio.sleep(RETRY_PAUSE)
                continue
            answer.raise_for_status()
            return
