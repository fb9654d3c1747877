"""Outside trading hours: a live run waits where people can see it, a dry run does not wait."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from rebalancing.outcomes import Phase
from rebalancing.settings import Settings
from rebalancing.triggers import ExecutionMode
from simulator.gateway.scenario import ClockSetup
from tests.house import TRADING, Holding, house, phase_reached, quick_settings, status_reached
from workflows.rebalance_account import RebalanceAccount

# The gateway's calendar begins a week ahead, so every session it names is still to come.
NEXT_WEEK = ClockSetup(mode="fixed", start=datetime.now(UTC) + timedelta(days=7))
CLOSED: dict[str, Any] = {"hours": "us_stocks", "clock": NEXT_WEEK}


def waiting_at_most(days: int) -> Settings:
    """Settings with this ``max_wait``."""
    return quick_settings().model_copy(update={"max_wait": days * 86_400})


async def test_a_live_run_waits_for_the_market_and_a_newer_event_joins_it() -> None:
    async with house({"DU1": Holding()}, settings=waiting_at_most(20), **CLOSED) as own:
        handle = await own.trigger("DU1", "first")
        await phase_reached(handle, Phase.WAITING_FOR_MARKET)
        await own.trigger("DU1", "second")
        await status_reached(handle, lambda status: not status.pending_events)
        await phase_reached(handle, Phase.WAITING_FOR_MARKET)
        assert not [request for request in own.gateway.requests if request.name in TRADING]
        await handle.cancel()
        await asyncio.gather(handle.result(), return_exceptions=True)
        status = await handle.query(RebalanceAccount.status)
        assert {record.event_id for record in status.events.records} == {"first", "second"}


async def test_a_market_that_opens_after_max_wait_is_not_waited_for() -> None:
    async with house({"DU1": Holding()}, settings=waiting_at_most(1), **CLOSED) as own:
        handle = await own.trigger("DU1")
        outcome = await asyncio.gather(handle.result(), return_exceptions=True)
        assert "max_wait" in str(getattr(outcome[0], "cause", ""))
        assert own.accepted_orders("DU1") == []


async def test_a_dry_run_does_not_wait_and_says_whose_prices_it_uses() -> None:
    async with house({"DU1": Holding()}, settings=waiting_at_most(1), **CLOSED) as own:
        result = await (await own.trigger("DU1", mode=ExecutionMode.DRY_RUN)).result()
        assert result.outcome is not None
        assert any("market is closed for" in note for note in result.outcome.notes)
