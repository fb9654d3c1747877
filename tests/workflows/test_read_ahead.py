"""Contract details are read when the gateway's slot is idle, not when an event has come."""

import asyncio
from collections import Counter
from collections.abc import Collection

from rebalancing.triggers import ExecutionMode
from simulator.gateway.faults import FaultMatch, FaultRule
from testbed.waiting import PATIENCE
from tests.house import Holding, House, house

HELD = {"SPY": 50, "EDC": 100}
TARGETED = {"SPY": "0.5", "EDC": "0.5"}


def asked_contracts(own: House) -> Counter[str]:
    """How often each symbol's contract details were asked for."""
    return Counter(request.symbol for request in own.gateway.requests if request.name == "reqContractDetails")


async def read_ahead(own: House, symbols: Collection[str]) -> None:
    """Wait until the contract details of all these were asked for."""
    async with asyncio.timeout(PATIENCE):
        while not set(symbols) <= set(asked_contracts(own)):  # noqa: ASYNC110  # a worker's doing
            await asyncio.sleep(0.02)


async def test_what_is_held_is_read_before_any_event_and_not_again_with_one() -> None:
    async with house({"DU1": Holding(holdings=HELD, weights=TARGETED)}) as own:
        await read_ahead(own, HELD)
        await (await own.trigger("DU1")).result()
        assert asked_contracts(own) == {"SPY": 1, "EDC": 1}


async def test_what_was_last_targeted_is_read_on_the_next_connection_too() -> None:
    async with house({"DU1": Holding(cash="100", holdings={}, weights={"QQQ": "1"})}) as own:
        await (await own.trigger("DU1")).result()
        assert own.accepted_orders("DU1") == [], "a share of it costs more than there is"
        own.gateway.add_fault(FaultRule(action="close_before"))
        async with asyncio.timeout(PATIENCE):
            while asked_contracts(own)["QQQ"] < 2:  # noqa: ASYNC110  # a worker's doing
                await asyncio.sleep(0.02)


async def test_a_holding_whose_contract_is_refused_keeps_nothing_else_from_being_read() -> None:
    async with house({"DU1": Holding(holdings=HELD, weights=TARGETED)}, workers=0) as own:
        unknown = FaultMatch(request="reqContractDetails", symbol="EDC")
        own.gateway.add_fault(FaultRule(action="reject", code=200, match=unknown, count=None))
        async with own.working():
            await read_ahead(own, HELD)
            await asyncio.sleep(0.2)  # long enough for it to be asked for again at once, if it were
            assert asked_contracts(own) == {"EDC": 1, "SPY": 1}


async def test_what_is_held_out_and_what_is_switched_off_is_not_read() -> None:
    accounts = {
        "DU1": Holding(holdings={**HELD, "GLD": 5}, weights=TARGETED, more={"held_out": ["GLD"]}),
        "DU2": Holding(holdings={"QQQ": 5}, more={"enabled": False}),
    }
    async with house(accounts) as own:
        await read_ahead(own, HELD)
        await (await own.trigger("DU1", mode=ExecutionMode.DRY_RUN)).result()
        assert set(asked_contracts(own)) == set(HELD)
