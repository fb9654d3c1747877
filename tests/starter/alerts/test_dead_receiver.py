"""A receiver that is dead changes nothing about a rebalance: counted at the gateway and in the history."""

from collections import Counter
from dataclasses import dataclass

import pytest

from rebalancing.outcomes import Phase
from testbed.waiting import until
from tests.alert_receiver import Receiver
from tests.house import Holding, House, house
from tests.starter.alerts.watched import configure, watching
from worker.free_ports import free_port

HELD = ("SPY", "GLD")
ACCOUNT = Holding(cash="1000", holdings=dict.fromkeys(HELD, 60), more={"margin_check": False})


@dataclass(frozen=True)
class Seen:
    """What one rebalance asked of the gateway, by the kind of message, its orders, and its history by kind of event."""

    messages: Counter[str]
    orders: list[tuple[str, object, int]]
    events: Counter[int]


async def rebalanced(own: House) -> Seen:
    """Rebalance once, and count."""
    await until(lambda: sum(each.name == "reqContractDetails" for each in own.gateway.requests) >= len(HELD))
    before = len(own.gateway.requests)
    handle = await own.trigger("DU1")
    result = await handle.result()
    assert result.outcome is not None
    assert result.outcome.phase is Phase.COMPLETED
    history = await handle.fetch_history()
    return Seen(
        Counter(each.name for each in own.gateway.requests[before:]),
        [(order.symbol, order.side, order.quantity) for order in own.gateway.engine.orders],
        Counter(event.event_type for event in history.events),
    )


async def alone() -> Seen:
    """Without alerts."""
    async with house({"DU1": ACCOUNT}) as own:
        return await rebalanced(own)


async def with_dead_receivers(monkeypatch: pytest.MonkeyPatch) -> Seen:
    """With one receiver that nobody listens for, one that refuses, and one without a usable address."""
    async with house({"DU1": ACCOUNT}) as own:
        receivers = {"away": Receiver(port=free_port()), "odd": Receiver(port=0)}
        configure(own, monkeypatch, receivers)
        async with watching(own, watches=2):
            return await rebalanced(own)


async def test_dead_receivers_change_nothing_about_a_rebalance(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine something may be asked once more, with alerts or without; what they change shows always."""
    for tries_left in (4, 3, 2, 1, 0):
        quiet, told = await alone(), await with_dead_receivers(monkeypatch)
        assert told.orders == quiet.orders
        if not tries_left or (told.messages, told.events) == (quiet.messages, quiet.events):
            break
    assert told.messages == quiet.messages
    assert told.events == quiet.events
