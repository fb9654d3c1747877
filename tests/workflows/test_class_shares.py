"""A class share is one and the same share, however publisher, configuration and broker write it."""

import pytest

from tests.house import Holding, house

MARKET = {"BRK B": {"price": "490.00"}}


@pytest.mark.parametrize("written", ["BRK B", "BRK.B", "brk.b"])
async def test_what_is_held_at_its_target_is_left_alone(written: str) -> None:
    sound = Holding(cash="1000", holdings={"BRK B": 200}, weights={written: "1"})
    async with house({"DU1": sound}, instruments=MARKET) as own:
        result = await (await own.trigger("DU1")).result()
        assert result.outcome is not None
        assert own.accepted_orders("DU1") == []


@pytest.mark.parametrize("written", ["BRK B", "BRK.B"])
async def test_what_is_held_out_is_never_sold(written: str) -> None:
    held = Holding(holdings={"BRK B": 200}, weights={"QQQ": "1"}, more={"held_out": [written]})
    async with house({"DU1": held}, instruments=MARKET) as own:
        result = await (await own.trigger("DU1")).result()
        assert result.outcome is not None
        assert {order.symbol for order in own.accepted_orders("DU1")} == {"QQQ"}
