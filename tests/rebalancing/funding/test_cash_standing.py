"""Cash in words: nobody reads a broken promise where the reserve is kept."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebalancing.funding.cash_standing import CashStanding
from rebalancing.verification import measure
from tests.rebalancing.test_verification import request

CENTS = st.decimals("-1e9", "1e9", places=2)


@pytest.mark.parametrize(
    ("cash", "reserve", "target", "told"),
    [
        ("1080.70", "1000", "0", "cash 1,080.70 USD: 1,000.00 reserve and 80.70 above it"),
        ("1000", "1000", "0", "cash 1,000.00 USD: 1,000.00 reserve and 0.00 above it"),
        ("975.70", "1000", "0", "cash 975.70 USD: 24.30 below the reserve of 1,000.00"),
        ("0", "0", "0", "cash 0.00 USD: 0.00 reserve and 0.00 above it"),
        (
            "10975.70",
            "1000",
            "10000",
            "cash 10,975.70 USD: 1,000.00 reserve and 9,975.70 above it, 24.30 below the cash target of 10,000.00",
        ),
        (
            "11024.30",
            "1000",
            "10000",
            "cash 11,024.30 USD: 1,000.00 reserve and 10,024.30 above it, 24.30 above the cash target of 10,000.00",
        ),
    ],
)
def test_cash_reserve_and_what_is_above_it_are_told(cash: str, reserve: str, target: str, told: str) -> None:
    assert str(CashStanding(cash=Decimal(cash), reserve=Decimal(reserve), target=Decimal(target))) == told


@given(CENTS, CENTS.map(abs), CENTS.map(abs))
def test_a_kept_reserve_is_never_told_as_a_lack_of_it(cash: Decimal, reserve: Decimal, target: Decimal) -> None:
    told = str(CashStanding(cash=cash, reserve=reserve, target=target))
    assert ("below the reserve" in told) == (cash < reserve)


def test_what_is_missing_to_a_cash_target_is_not_missing_to_the_reserve() -> None:
    standing = measure(request(cash="1975.70", positions={"AAA": 80}, targets={"AAA": "0.8"}, reserve_percent="1"))
    assert standing.cash.above_reserve > 0 > standing.cash.idle
    assert "below the cash target" in str(standing.cash)
