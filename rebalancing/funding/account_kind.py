"""Whether an account pays with its own cash or on margin, as far as IBKR lets one know."""

from decimal import Decimal
from enum import StrEnum
from typing import Final

MARGIN_MULTIPLE: Final = Decimal("1.5")
"""IBKR's buying power is four times the available funds on Regulation T margin, and once in a cash account."""


class AccountKind(StrEnum):
    """How an account pays for what it buys."""

    CASH = "cash"
    MARGIN = "margin"
    UNKNOWN = "unknown"


class Funding(StrEnum):
    """What the configuration says of it."""

    AUTO = "auto"
    CASH = "cash"
    MARGIN = "margin"


def effective_kind(funding: Funding, reported: AccountKind) -> AccountKind:
    """What the configuration says of the account, else what the broker's figures tell."""
    return reported if funding is Funding.AUTO else AccountKind(funding.value)


def kind_of(account_type: str, buying_power: Decimal | None, available_funds: Decimal | None) -> AccountKind:
    """The kind by the broker's own figures.

    ``AccountType`` says what an account is for (INDIVIDUAL, IRA …) more often than how it pays, so only a plain CASH in
    it is believed; else buying power beyond the available funds tells of margin. An account with nothing available
    shows neither.
    """
    if "CASH" in account_type.upper():
        return AccountKind.CASH
    if buying_power is None or available_funds is None or available_funds <= 0:
        return AccountKind.UNKNOWN
    return AccountKind.MARGIN if buying_power > MARGIN_MULTIPLE * available_funds else AccountKind.CASH
