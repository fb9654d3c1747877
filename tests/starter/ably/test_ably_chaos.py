"""Everything that can go wrong with Ably, in quick succession: every message arrives, and each of them once."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable

import pytest
from pydantic import SecretStr

from simulator.ably import SimulatedAbly
from simulator.ably.errors import AblyError
from starter.ably.ably_channel import AblyChannelListener
from starter.ably.ably_settings import AblySettings, AblyTimings
from starter.ably.received_message import ReceivedMessage
from tests.starter.ably.remembering import FollowedForYears

KEY = "app.key:secret"
CHANNELS = ("one", "two")
MESSAGES = 200
TIMINGS = AblyTimings(
    sweep_interval=0.5,
    ping_interval=0.1,
    request_timeout=0.5,
    reconnect_patience=0.3,
    close_timeout=0.2,
    backoff_base=0.02,
    backoff_maximum=0.1,
    refused_delay=0.1,
)


def faults(ably: SimulatedAbly) -> list[Callable[[], None]]:
    """What may happen to a connection while messages are published."""

    def forget_and_drop() -> None:
        ably.lose_continuity()
        ably.drop_connections()

    return [
        ably.drop_connections,
        forget_and_drop,
        ably.freeze,
        ably.disconnect,
        lambda: ably.disconnect(AblyError(80003, 503, "going down")),
        lambda: ably.disconnect(AblyError(80003, 400, "moving you")),
        lambda: ably.fail_connections(AblyError(50000, 500, "internal error")),
        lambda: ably.detach("one", AblyError(90198, 500, "try again")),
        lambda: ably.fail_requests(AblyError(50000, 500, "internal error"), times=2),
    ]


@pytest.mark.parametrize("seed", [1, 2])
async def test_no_message_is_lost_and_none_is_handed_on_twice(seed: int) -> None:
    chance = random.Random(seed)
    accepted: Counter[object] = Counter()
    complete = asyncio.Event()

    async def take(channel: str, message: ReceivedMessage) -> None:
        if chance.random() < 0.05:
            raise RuntimeError("not now")
        accepted[channel, message.data] += 1
        if len(accepted) == MESSAGES:
            complete.set()

    async with SimulatedAbly(KEY) as ably:
        settings = AblySettings(
            key=SecretStr(KEY), channels=CHANNELS, endpoint=ably.endpoint, port=ably.port, tls=False
        )
        listening = asyncio.create_task(AblyChannelListener(settings, FollowedForYears(), take, timings=TIMINGS).run())
        calamities = faults(ably)
        for n in range(MESSAGES):
            ably.publish(CHANNELS[n % 2], str(n))
            if n % 10 == 9:
                chance.choice(calamities)()
            if n == MESSAGES // 2:
                await ably.stop_listening()
            if n == MESSAGES // 2 + 10:
                await ably.start_listening()
            await asyncio.sleep(0.01)
        await asyncio.wait_for(complete.wait(), 30)
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
    assert set(accepted.values()) == {1}
