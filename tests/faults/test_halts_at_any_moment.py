"""A halt at random moments of six live rebalances: from its return on no order goes out, and nothing is doubled."""

import asyncio
import random
from typing import Final

import pytest

from contract.halts import HALT_ID
from rebalancing.outcomes import Phase
from starter.desk.halt import hold, resume
from tests.faults.ledger_checks import placed_at_most_once
from tests.house import Holding, House, house, status_reached
from tests.workflows.test_halts import is_held_or_over

ACCOUNTS: Final = {f"DU{n}": Holding(cash="1000", holdings={"SPY": 100 + n, "EDC": 50}) for n in range(1, 7)}

TIMES: Final = 20

LONGEST: Final = 2.0
"""Seconds from the first event to the halt; such a rebalance takes about as long here."""

pytestmark = pytest.mark.faults


def placed(own: House) -> list[object]:
    """Everything that was sent as an order, what-if orders too."""
    return [request for request in own.gateway.requests if request.name == "placeOrder"]


@pytest.mark.parametrize("seed", range(TIMES))
async def test_nothing_goes_out_after_a_halt_returned_and_everything_is_done_afterwards(seed: int) -> None:
    chance = random.Random(seed)
    async with house(ACCOUNTS, latency={"ack": 0.05, "fill": (0.1, 0.6)}) as own:
        handles = [await own.trigger(account) for account in ACCOUNTS]
        await asyncio.sleep(chance.uniform(0, LONGEST))  # the moment is what is tried here
        await hold(own.client, HALT_ID, "test", f"seed {seed}")
        before = len(placed(own))
        await asyncio.gather(*(status_reached(handle, is_held_or_over) for handle in handles))
        assert len(placed(own)) == before
        await resume(own.client, HALT_ID, "test", "")
        outcomes = [(await handle.result()).outcome for handle in handles]
        assert {outcome.phase for outcome in outcomes if outcome} == {Phase.COMPLETED}
        assert len([outcome for outcome in outcomes if outcome]) == len(ACCOUNTS)
        placed_at_most_once(own.gateway.engine)
        assert all("SPY" not in own.gateway.engine.accounts[account].positions for account in ACCOUNTS)
