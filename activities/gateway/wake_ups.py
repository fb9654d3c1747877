"""Waking who waits for news of orders: hundreds of legs may wait at once, each for those of its own account."""

import asyncio


class WakeUps:
    """Those who wait, by the account they wait for; ``None`` is for any."""

    def __init__(self) -> None:
        self._waiting: dict[str | None, set[asyncio.Future[None]]] = {}

    async def wait(self, timeout: float, account: str | None = None) -> None:
        """Return when there is news (of this account's orders), or ``timeout`` seconds are over."""
        woken = asyncio.get_running_loop().create_future()
        waiting = self._waiting.setdefault(account, set())
        waiting.add(woken)
        try:
            await asyncio.wait({woken}, timeout=timeout)
        finally:
            waiting.discard(woken)
            woken.cancel()
            if not waiting and self._waiting.get(account) is waiting:
                del self._waiting[account]

    def wake(self, account: str = "") -> None:
        """There is news of this account's orders; without an account (or where it is not told), for everybody."""
        for interest in (None, account) if account else tuple(self._waiting):
            for woken in self._waiting.get(interest, ()):
                if not woken.done():
                    woken.set_result(None)
