"""An account with more symbols than one visit reads: it takes more visits, and is otherwise like any other."""

import pytest

from activities.gateway import reading
from rebalancing.orders.order import OrderState
from tests.house import Holding, house

WEIGHTS = {"QQQ": "0.3", "SPY": "0.3", "BND": "0.2", "GLD": "0.2"}


async def test_a_large_account_is_read_in_several_visits_with_one_plan_for_all_its_symbols(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reading, "MOST_SYMBOLS_A_VISIT", 2)
    async with house({"DU1": Holding(cash="50000", holdings={"EDC": 500}, weights=WEIGHTS)}) as own:
        handle = await own.trigger("DU1")
        outcome = (await handle.result()).outcome
        assert outcome is not None
        assert [order.state for order in outcome.orders] == [OrderState.FILLED] * 5
        assert outcome.gaps == ()
        history = await handle.fetch_history()
        scheduled = [e.activity_task_scheduled_event_attributes.activity_type.name for e in history.events]
        assert scheduled.count("read_snapshot") == 3
        assert sorted(r.symbol for r in own.gateway.requests if r.name == "reqMktData") == sorted([*WEIGHTS, "EDC"])
