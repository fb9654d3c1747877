"""Cash that may be relied on, whatever the age of the broker's figure (promise P5)."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from activities.gateway.cash import CashBook, CashFlow

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
LAG = timedelta(minutes=3)


def flow(value: str, commission: str = "1", *, ago: timedelta = timedelta(seconds=10)) -> CashFlow:
    """A fill of the account."""
    return CashFlow("DU1", NOW - ago, Decimal(value), Decimal(commission))


def test_without_recent_fills_the_figure_is_taken_as_it_is() -> None:
    book = CashBook(LAG)
    book.note_fill("a", flow("-500", ago=timedelta(minutes=5)))
    assert book.cash("DU1", Decimal(1000), NOW) == 1000


def test_a_stale_figure_is_corrected_by_the_fills_since() -> None:
    book = CashBook(LAG)
    book.cash("DU1", Decimal(1000), NOW)
    book.note_fill("a", flow("-600"))
    assert book.cash("DU1", Decimal(1000), NOW) == 399


def test_a_figure_that_contains_the_fills_is_not_corrected_twice() -> None:
    book = CashBook(LAG)
    book.cash("DU1", Decimal(1000), NOW)
    book.note_fill("a", flow("-600"))
    assert book.cash("DU1", Decimal(399), NOW) == 399
    assert book.cash("DU1", Decimal(399), NOW) == 399


def test_a_figure_between_two_fills_is_not_believed() -> None:
    book = CashBook(LAG)
    book.cash("DU1", Decimal(1000), NOW)
    book.note_fill("a", flow("500"))
    book.note_fill("b", flow("-900"))
    assert book.cash("DU1", Decimal(1499), NOW) == 598


def test_money_that_left_the_account_is_noticed_at_once() -> None:
    book = CashBook(LAG)
    book.cash("DU1", Decimal(1000), NOW)
    book.note_fill("a", flow("500"))
    assert book.cash("DU1", Decimal(100), NOW) == 100


def test_recent_fills_from_before_the_connection_leave_the_cash_unknown_until_the_lag_is_over() -> None:
    book = CashBook(LAG)
    book.note_fill("a", flow("-600"))
    assert book.cash("DU1", Decimal(1000), NOW) is None
    assert book.cash("DU1", Decimal(399), NOW + LAG) == 399


def test_a_commission_that_comes_late_counts_and_a_correction_keeps_it() -> None:
    book = CashBook(LAG)
    book.cash("DU1", Decimal(1000), NOW)
    book.note_fill("a", flow("-600", "0"))
    book.note_commission("a", Decimal(3))
    book.note_fill("a", flow("-650", "0"))
    assert book.cash("DU1", Decimal(1000), NOW) == 347


def test_another_accounts_fills_do_not_matter() -> None:
    book = CashBook(LAG)
    book.note_fill("a", CashFlow("DU2", NOW, Decimal(-600)))
    assert book.cash("DU1", Decimal(1000), NOW) == 1000
