"""``rebalancer resolve``: its answers to an operator."""

from pathlib import Path

import pytest

from activities.gateway import order_desk
from rebalancing.outcomes import Phase
from simulator.gateway.faults import FaultMatch, FaultRule
from tests.cli.command import desk
from tests.house import Holding, house, phase_reached
from workflows.rebalance_account import RebalanceAccount


async def test_an_unknown_order_is_resolved_and_the_rebalance_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(order_desk, "ACKNOWLEDGE_TIMEOUT", 0.5)
    async with house({"DU1": Holding(weights={"QQQ": "1"})}) as own:
        own.gateway.add_fault(FaultRule(action="swallow", match=FaultMatch(request="placeOrder")))
        handle = await own.trigger("DU1")
        await phase_reached(handle, Phase.NEEDS_OPERATOR)
        ref = (await handle.query(RebalanceAccount.status)).orders[0].ref
        operator = desk(tmp_path, **own.variables)
        assert ref in (await operator.run("status", "DU1", "--json")).output
        too_many = await operator.run("resolve", "DU1", ref, "--filled", "1000000")
        assert too_many.status == 1
        assert "cannot have filled" in too_many.errors
        resolved = await operator.run("resolve", "DU1", ref, "--not-placed")
        assert resolved.status == 0, resolved.errors
        result = await handle.result()
    assert result.outcome is not None
    assert [order.filled for order in result.outcome.orders] == [0]


async def test_it_takes_one_word_and_a_running_rebalance(tmp_path: Path) -> None:
    async with house({"DU1": Holding()}, workers=0) as own:
        operator = desk(tmp_path, **own.variables)
        both = await operator.run("resolve", "DU1", "ref", "--filled", "1", "--not-placed")
        assert both.status == 2
        assert "either" in both.errors
        nothing = await operator.run("resolve", "DU1", "ref", "--not-placed")
        assert nothing.status == 1
        assert "nothing to resolve" in nothing.errors
