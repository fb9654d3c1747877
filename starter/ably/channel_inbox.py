"""Hands the messages of one channel on: one at a time, each until it is accepted, and none twice."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable

from starter.ably.backoff import Backoff
from starter.ably.received_message import ReceivedMessage


class NotNowError(Exception):
    """Nothing can be accepted at the moment, this message as little as any other."""


OnMessage = Callable[[str, ReceivedMessage], Awaitable[None]]
"""Called with channel and message. Returning accepts the message; raising keeps it for another attempt.

With `NotNowError` the others are not even tried before one of them was accepted again."""

REMEMBERED_IDS = 10_000
"""Far more than a channel can bring between two sweeps (Ably allows 50 messages a second)."""
MAX_WAITING = 10_000
"""What waits in memory for another attempt; beyond it, messages stay in the channel's history only."""

logger = logging.getLogger(__name__)


class ChannelInbox:
    """Live delivery and history sweeps meet here.

    A message that `on_message` refuses waits here and is tried again; the others go on meanwhile, so that one
    message nobody can digest does not hold up the channel. Where nothing is accepted at all, they wait together.
    """

    def __init__(
        self,
        channel: str,
        on_message: OnMessage,
        backoff: Backoff,
        *,
        remembered: int = REMEMBERED_IDS,
        max_waiting: int = MAX_WAITING,
    ) -> None:
        self._channel = channel
        self._on_message = on_message
        self._backoff = backoff
        self._remembered = remembered
        self._max_waiting = max_waiting
        self._accepted: OrderedDict[str, None] = OrderedDict()
        self._waiting: dict[str, ReceivedMessage] = {}
        self._one_at_a_time = asyncio.Lock()
        self._refused = asyncio.Event()
        self._is_shut = False

    @property
    def waiting(self) -> int:
        """How many messages were refused and wait for another attempt."""
        return len(self._waiting)

    def forget(self) -> None:
        """What was accepted may have been lost: hand it on again if it comes again."""
        self._accepted.clear()

    async def deliver(self, message: ReceivedMessage) -> bool:
        """Hand `message` on unless it was accepted before; whether it is accepted now."""
        async with self._one_at_a_time:
            if message.id in self._accepted:
                return True
            if self._is_shut:
                self._keep(message)
                return False
            return await self._hand_on(message)

    async def retry_refused(self) -> None:
        """Try the refused messages again, in the order they came, with back-off. Runs until cancelled."""
        while True:
            await self._refused.wait()
            await asyncio.sleep(self._backoff.next())
            for message in list(self._waiting.values()):
                async with self._one_at_a_time:
                    if message.id in self._waiting:  # it may have come another way meanwhile
                        await self._hand_on(message)
                if self._is_shut:
                    break
            if not self._waiting:
                self._backoff.reset()
                self._refused.clear()

    async def _hand_on(self, message: ReceivedMessage) -> bool:
        was_shut, self._is_shut = self._is_shut, False
        try:
            await self._on_message(self._channel, message)
        except NotNowError as reason:
            self._is_shut = True
            if not was_shut:
                logger.warning("channel %s: what comes is kept until it can be accepted: %s", self._channel, reason)
            self._keep(message)
            return False
        except Exception:
            if message.id not in self._waiting:  # once is enough, however often it is tried
                logger.warning("message %s on channel %s was not accepted; it will be tried again", message.id,
                               self._channel, exc_info=True)  # fmt: skip
            self._keep(message)
            return False
        if was_shut:
            logger.info("channel %s: messages are accepted again", self._channel)
        self._remember(message.id)
        return True

    def _keep(self, message: ReceivedMessage) -> None:
        if message.id not in self._waiting and len(self._waiting) >= self._max_waiting:
            logger.error("channel %s: %d messages wait already; message %s stays in the channel's history only",
                         self._channel, len(self._waiting), message.id)  # fmt: skip
            return
        self._waiting[message.id] = message
        self._refused.set()

    def _remember(self, id: str) -> None:
        self._waiting.pop(id, None)
        self._accepted[id] = None
        if len(self._accepted) > self._remembered:
            self._accepted.popitem(last=False)
