"""Cash is held against the reserve, less what prices of the very run made a leg cost."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from chaos.evidence import BrokerExecution, Evidence
from chaos.findings import Books
from chaos.price_log import PriceLog
from chaos.spending import QUOTE_AGE, overspent
from rebalancing.orders.order import Side
from tests.chaos.house_of_evidence import BOOKS, EXECUTION, FRESHNESS, NOW, READ_AT, REF, broker, evidence, run

BOUGHT = replace(EXECUTION, commission=Decimal(0))
"""Nine shares at 100 of 1,000 dollars, before anything is changed."""


def after(*fills: BrokerExecution, prices: PriceLog | None = None) -> Evidence:
    """The evidence after these fills; in the end cash is fine."""
    return replace(evidence(), broker=broker(executions=fills), prices=prices or PriceLog())


def prices(*moves: tuple[timedelta, str]) -> PriceLog:
    """QQQ's prices, by how long after the reading they were noted."""
    log = PriceLog()
    for later, price in moves:
        log.note(READ_AT + later, {"QQQ": Decimal(price)})
    return log


def texts(given: Evidence, books: Books = BOOKS) -> list[str]:
    """What is found."""
    return [each.text for each in overspent(given, books)]


def test_cash_below_the_reserve_for_a_moment_is_overspent_although_it_recovered() -> None:
    bought = replace(BOUGHT, quantity=10, price=Decimal(99))
    sold = replace(BOUGHT, quantity=2, side=Side.SELL)
    (text,) = texts(after(bought, sold))
    assert "was 10.00 after" in text
    assert "leaves 10.00" in text  # of 20, as nothing was moved


def test_cash_at_the_reserve_is_fine() -> None:
    assert texts(after(replace(BOUGHT, quantity=49, price=Decimal(20)), prices=prices((timedelta(0), "20")))) == []


def test_what_the_price_moved_between_reading_and_fill_is_the_market_s_doing() -> None:
    fill = replace(BOUGHT, price=Decimal(110))  # 990 of 1,000; sized for 900
    assert texts(after(fill)) == []  # begins at 100
    assert len(texts(after(fill, prices=prices((timedelta(seconds=-20), "110"))))) == 1
    assert texts(after(fill, prices=prices((timedelta(seconds=-20), "100"), (timedelta(seconds=1), "110")))) == []


def test_a_price_of_before_the_reading_excuses_nothing() -> None:
    fill = replace(BOUGHT, price=Decimal(110))
    early = -QUOTE_AGE - timedelta(seconds=2)
    log = prices((early, "100"), (early + timedelta(seconds=1), "110"))
    assert len(texts(after(fill, prices=log))) == 1


@pytest.mark.parametrize(("moved_before", "violations"), [(FRESHNESS, 0), (FRESHNESS + 12, 1)])
def test_where_no_history_tells_when_it_was_read_freshness_does(moved_before: int, violations: int) -> None:
    log = PriceLog()
    log.note(NOW - timedelta(seconds=moved_before + 1), {"QQQ": Decimal(100)})
    log.note(NOW - timedelta(seconds=moved_before), {"QQQ": Decimal(110)})
    given = replace(
        after(replace(BOUGHT, price=Decimal(110)), prices=log), runs=(replace(run(), figures={}, intents=frozenset()),)
    )
    assert len(texts(given)) == violations


def test_a_leg_is_excused_by_its_own_prices_alone() -> None:
    dear = replace(BOUGHT, price=Decimal(110))
    more = replace(BOUGHT, ref="rb-9-2-1", quantity=1, price=Decimal(9), at=NOW + timedelta(seconds=40))
    log = prices((timedelta(0), "100"), (timedelta(seconds=1), "110"), (timedelta(seconds=30), "9"))
    (text,) = texts(after(dear, more, prices=log))
    assert "after rb-9-2-1" in text


def test_selling_below_the_reserve_is_not_overspending() -> None:
    books = replace(BOOKS, cash={"DU1": Decimal(-50)}, holdings={"DU1": {"QQQ": 9}})
    assert texts(after(replace(BOUGHT, side=Side.SELL, quantity=1)), books) == []


def test_the_reserve_counts_what_the_account_began_with() -> None:
    books = replace(BOOKS, holdings={"DU1": {"QQQ": 90}})
    (text,) = texts(after(BOUGHT), books)
    assert "leaves 100.00" in text
    assert REF in text


def test_cash_below_the_reserve_in_the_end_is_overspent() -> None:
    (text,) = texts(replace(evidence(), broker=broker(cash="10")))
    assert "its reserve" in text


def test_cash_a_little_below_the_reserve_is_the_market_s_doing() -> None:
    assert texts(replace(evidence(), broker=broker(cash="18.50"))) == []
