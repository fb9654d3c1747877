"""What an account holds, read at the desk."""

import pytest

from activities.gateway import reading
from starter.desk.positions import PositionsUnread, read_positions
from tests.house import Holding, house


async def test_a_large_account_is_read_whole_in_several_visits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_SYMBOLS_A_VISIT", 2)
    held = {"QQQ": 1, "SPY": 2, "BND": 3, "GLD": 4, "EDC": 5}
    async with house({"DU1": Holding(holdings=held)}) as own:
        snapshot = await read_positions(own.client, own.configuration.account("DU1"))
    assert snapshot.positions == held
    assert snapshot.prices.keys() == held.keys()


async def test_what_the_gateway_refuses_is_told_with_its_reason() -> None:
    async with house({"DU1": Holding()}) as own:
        stranger = own.configuration.account("DU1").model_copy(update={"account_id": "DU9"})
        with pytest.raises(PositionsUnread, match="DU9"):
            await read_positions(own.client, stranger)
