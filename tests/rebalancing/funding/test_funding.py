"""Cash and margin accounts: which is which, what must not be sold yet, and what the margin check finds."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from rebalancing.funding.account_kind import AccountKind, Funding, effective_kind, kind_of
from rebalancing.funding.margin_preview import MarginPreview, WhatIfAnswer, WhatIfOrder
from rebalancing.funding.settlement import DayTrade, bought_unsettled
from rebalancing.orders.order import Side

NOON = datetime(2026, 11, 24, 17, 0, tzinfo=UTC)


def trade(symbol: str, side: str, value: str, minutes: int) -> DayTrade:
    """An execution so many minutes after noon in New York."""
    return DayTrade(symbol=symbol, side=Side(side), value=Decimal(value), at=NOON + timedelta(minutes=minutes))


@pytest.mark.parametrize(
    ("account_type", "buying_power", "available", "kind"),
    [
        ("CASH", "4", "1", AccountKind.CASH),
        ("INDIVIDUAL", "400", "100", AccountKind.MARGIN),
        ("INDIVIDUAL", "100", "100", AccountKind.CASH),
        ("INDIVIDUAL", "0", "0", AccountKind.UNKNOWN),
        ("", None, None, AccountKind.UNKNOWN),
    ],
)
def test_the_kind_of_an_account(
    account_type: str, buying_power: str | None, available: str | None, kind: AccountKind
) -> None:
    figures = [None if text is None else Decimal(text) for text in (buying_power, available)]
    assert kind_of(account_type, figures[0], figures[1]) is kind


def test_the_configuration_knows_better() -> None:
    assert effective_kind(Funding.CASH, AccountKind.MARGIN) is AccountKind.CASH
    assert effective_kind(Funding.AUTO, AccountKind.MARGIN) is AccountKind.MARGIN


def test_what_unsettled_proceeds_bought_is_named() -> None:
    trades = [trade("AAA", "SELL", "9000", 0), trade("BBB", "BUY", "8000", 1)]
    assert bought_unsettled(trades, Decimal(2000), None, NOON) == ("BBB",)


def test_what_settled_cash_paid_for_is_not() -> None:
    trades = [trade("AAA", "SELL", "9000", 0), trade("BBB", "BUY", "8000", 1)]
    assert bought_unsettled(trades, Decimal(9000), None, NOON) == ()
    assert bought_unsettled(trades[1:], Decimal(0), None, NOON) == ()


def test_purchases_before_the_first_sale_were_paid_with_settled_cash() -> None:
    trades = [trade("EARLY", "BUY", "1", 0), trade("AAA", "SELL", "9000", 1), trade("BBB", "BUY", "8000", 2)]
    assert bought_unsettled(trades, Decimal(2000), None, NOON) == ("BBB",)


def test_the_brokers_settled_cash_can_only_make_it_stricter() -> None:
    trades = [trade("AAA", "SELL", "9000", 0), trade("BBB", "BUY", "8000", 1)]
    assert bought_unsettled(trades, Decimal(9000), Decimal(-1), NOON) == ("BBB",)
    assert bought_unsettled(trades, Decimal(2000), Decimal(2000), NOON) == ("BBB",)


def test_the_next_day_everything_of_today_has_settled() -> None:
    trades = [trade("AAA", "SELL", "9000", 0), trade("BBB", "BUY", "8000", 1)]
    assert bought_unsettled(trades, Decimal(2000), None, NOON + timedelta(days=1)) == ()


def answer(symbol: str, side: str, **figures: Any) -> WhatIfAnswer:
    """IBKR's answer for one order."""
    order = WhatIfOrder(symbol=symbol, con_id=1, side=Side(side), quantity=10)
    return WhatIfAnswer(order=order, **figures)


def told(symbol: str, side: str, change: str) -> WhatIfAnswer:
    """An answer that changes the initial margin, of 1,000 before, by so much; the equity is 2,000 less a commission."""
    figures = {"margin_before": "1000", "margin_change": change, "equity_before": "2000", "equity_change": "-1"}
    return answer(symbol, side, commission="1", **figures)


def test_the_changes_of_all_orders_are_added_up() -> None:
    preview = MarginPreview(answers=(told("AAA", "SELL", "-500"), told("BBB", "BUY", "1498")))
    assert preview.margin_after == 1998
    assert preview.equity_after == 1998
    assert preview.commissions == 2
    assert preview.shortfall == ""
    over = MarginPreview(answers=(told("AAA", "SELL", "-500"), told("BBB", "BUY", "1499")))
    assert "1,999.00 USD, more than" in over.shortfall


def test_without_figures_there_is_no_shortfall_and_the_note_says_so() -> None:
    preview = MarginPreview(answers=(answer("AAA", "BUY"),))
    assert preview.shortfall == ""
    assert "told no margin for AAA" in preview.note


def test_a_lack_of_money_counts_where_nothing_is_sold() -> None:
    poor = answer("AAA", "BUY", refusal="AVAILABLE FUNDS are too low (code 201)")
    assert len(MarginPreview(answers=(poor,)).refusals) == 1
    assert MarginPreview(answers=(told("BBB", "SELL", "-1"), poor)).refusals == ()
