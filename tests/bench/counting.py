"""What six rebalances at once cost in messages, history events and visits to the slot: no load changes these counts."""

import asyncio
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.accounts.histories import read_histories
from tests.house import Holding, house

RECORDED = Path(__file__).parent / "recorded_counts.json"
HELD = ("SPY", "EDC")
ACCOUNTS = {
    f"DU{n}": Holding(
        cash="1000",
        holdings={symbol: 50 * (1 + place) + n for place, symbol in enumerate(HELD)},
        more={"margin_check": False},
    )
    for n in range(1, 7)
}
"""Without what-if orders, which double the messages of margin accounts."""


@dataclass(frozen=True)
class Counts:
    """Per rebalance. ``orders`` are those that were placed."""

    orders: float
    messages: float
    events: float
    visits: float


async def count() -> Counts:
    """Rebalance six accounts at once, each with two sales and three purchases, and count."""
    async with house(ACCOUNTS) as own:
        while sum(request.name == "reqContractDetails" for request in own.gateway.requests) < len(HELD):  # noqa: ASYNC110
            await asyncio.sleep(0.02)  # they are read ahead of events
        before = len(own.gateway.requests)
        handles = await asyncio.gather(*(own.trigger(account) for account in ACCOUNTS))
        await asyncio.gather(*(handle.result() for handle in handles))
        histories = await read_histories(own.client, ACCOUNTS)
        return Counts(
            orders=len(own.gateway.engine.orders) / len(ACCOUNTS),
            messages=(len(own.gateway.requests) - before) / len(ACCOUNTS),
            events=sum(each.events for each in histories) / len(ACCOUNTS),
            visits=sum(len(each.slot_visits) for each in histories) / len(ACCOUNTS),
        )


def recorded() -> Counts:
    """The counts that were recorded last, with ``python -m tests.bench.counting``."""
    return Counts(**json.loads(RECORDED.read_text(encoding="utf-8")))


if __name__ == "__main__":
    RECORDED.write_text(json.dumps(asdict(asyncio.run(count())), indent=2) + "\n", encoding="utf-8")
