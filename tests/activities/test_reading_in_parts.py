"""An account with many symbols is read in several visits over a real socket, so that others get theirs in between."""

from decimal import Decimal

import pytest

from activities.gateway import reading
from simulator.gateway.requests import ContractQuery, OrderTicket
from tests.activities.test_quote_feed import desk
from tests.house import PRICES

SYMBOLS = tuple(sorted(PRICES))


@pytest.fixture(autouse=True)
def two_symbols_a_visit(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the five symbols of the tests are many."""
    monkeypatch.setattr(reading, "MOST_SYMBOLS_A_VISIT", 2)


async def test_a_visit_leaves_what_is_too_much_for_it_to_the_next_ones_and_nothing_is_asked_for_twice() -> None:
    async with desk() as own:
        first = await own.read("DU1", *SYMBOLS)
        second = (await own.read("DU1", *SYMBOLS, known=tuple(first.contracts))).after(first)
        whole = (await own.read("DU1", *SYMBOLS, known=tuple(second.contracts))).after(second)
        assert [len(part.unread) for part in (first, second, whole)] == [3, 1, 0]
        assert {*whole.contracts} == {*whole.quotes} == {*SYMBOLS}
        assert sorted(own.asked()) == sorted(own.asked("reqContractDetails")) == [*SYMBOLS]


async def test_what_is_at_hand_is_read_besides() -> None:
    async with desk() as own:
        await own.read("DU2", "QQQ", "SPY")
        part = await own.read("DU1", *SYMBOLS)
        assert {*part.quotes} == {"QQQ", "SPY", "BND", "EDC"}
        assert part.unread == ("GLD",)


async def test_a_holding_that_appears_between_two_visits_is_read_by_the_next() -> None:
    async with desk() as own:
        first = await own.read("DU1", "BND", "EDC", "QQQ")
        assert first.unread == ("GLD", "QQQ")  # GLD is held
        bought = OrderTicket(account="DU1", action="BUY", quantity=Decimal(1), order_type="MKT", tif="DAY")
        own.gateway.engine.place(9, 1, ContractQuery(symbol="SPY", sec_type="STK"), bought)
        own.gateway.wake()
        while len(own.session.ib.positions("DU1")) < 2:
            await own.session.ib.updateEvent
        rest = await own.read("DU1", "BND", "EDC", "QQQ", known=tuple(first.contracts))
        assert rest.positions == {"GLD": 5, "SPY": 1}
        assert {*rest.contracts, *rest.unread} == {"GLD", "QQQ", "SPY"}
