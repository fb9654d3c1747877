"""Many accounts over one connection (promises P4 and P7)."""

import asyncio
from itertools import groupby, pairwise

import pytest

from simulator.gateway.faults import FaultMatch, FaultRule
from tests.house import Holding, House, failure_of, house, leg_of, quick_settings


async def rebalance_all(own: House, accounts: list[str]) -> None:
    """Trigger all at once and wait for all."""
    handles = await asyncio.gather(*(own.trigger(account) for account in accounts))
    for result in await asyncio.gather(*(handle.result() for handle in handles)):
        assert result.outcome is not None
        assert result.outcome.drift is not None
        assert result.outcome.drift < 1.5


def legs_in_order_of_sending(own: House) -> list[str]:
    """The leg (the ref without its number) of every order as it arrived, one entry for each unbroken stretch."""
    legs = [leg_of(request.order_ref) for request in own.gateway.requests if request.name == "placeOrder"]
    return [leg for leg, _ in groupby(legs)]


@pytest.mark.parametrize("count", [6, 12])
async def test_all_accounts_triggered_at_once_reach_their_targets_each_intent_ordered_once(count: int) -> None:
    accounts = {f"DU{n}": Holding(cash="1000", holdings={"SPY": 50 + n}) for n in range(1, count + 1)}
    async with house(accounts) as own:
        await rebalance_all(own, list(accounts))
        refs = [order.ref for order in own.gateway.engine.orders]
        assert len(refs) == len(set(refs)) == 4 * count


async def test_with_two_workers_one_client_is_connected_and_slot_visits_never_overlap() -> None:
    accounts = {f"DU{n}": Holding(cash="1000", holdings={"SPY": 50 + n}) for n in range(1, 7)}
    async with house(accounts, workers=2) as own:
        await rebalance_all(own, list(accounts))
        stretches = legs_in_order_of_sending(own)
        assert len(stretches) == len(set(stretches)) == 12
        assert {request.client_id for request in own.gateway.requests} == {7}
        connected = [connection for connection in own.gateway.connections if connection.client_id == 7]
        for earlier, later in pairwise(connected):
            assert earlier.closed is not None
            assert earlier.closed <= later.opened


async def test_with_one_rebalance_at_a_time_no_account_begins_before_the_last_one_is_done() -> None:
    accounts = {f"DU{n}": Holding(cash="1000", holdings={"SPY": 50 + n}) for n in range(1, 5)}
    async with house(accounts, settings=quick_settings(max_concurrent_rebalances=1)) as own:
        await rebalance_all(own, list(accounts))
        placed = [request.account for request in own.gateway.requests if request.name == "placeOrder"]
        assert len([account for account, _ in groupby(placed)]) == 4


async def test_a_standby_takes_over_when_the_connection_holder_goes() -> None:
    async with house({"DU1": Holding(), "DU2": Holding()}, workers=0) as own:
        first = await own.worker()
        await (await own.trigger("DU1")).result()
        standby = await own.worker()
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        try:
            result = await (await own.trigger("DU2")).result()
        finally:
            standby.cancel()
            await asyncio.gather(standby, return_exceptions=True)
        assert result.outcome is not None


async def test_one_account_whose_request_is_rejected_does_not_hold_up_the_others() -> None:
    accounts = {"DU1": Holding(weights={"NOSUCH": "1"}), "DU2": Holding(), "DU3": Holding()}
    async with house(accounts) as own:
        handles = {account: await own.trigger(account) for account in accounts}
        assert (await failure_of(handles["DU1"])).type == "SymbolUnknown"
        for account in ("DU2", "DU3"):
            assert (await handles[account].result()).outcome is not None


async def test_a_connection_lost_during_a_leg_places_nothing_twice() -> None:
    async with house({"DU1": Holding()}) as own:
        own.gateway.add_fault(FaultRule(action="close_after", match=FaultMatch(request="placeOrder"), after=1))
        result = await (await own.trigger("DU1")).result()
        refs = [order.ref for order in own.gateway.engine.orders]
        assert len(refs) == len(set(refs)) == 3
        assert result.outcome is not None
        assert own.gateway.engine.accounts["DU1"].positions == {o.symbol: o.filled for o in result.outcome.orders}
