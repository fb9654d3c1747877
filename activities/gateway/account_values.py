"""What the gateway tells of accounts, by whichever subscription: figures of the whole, and figures by currency.

Figures of the whole account come in its base currency. Those by currency (``CashBalance``, ``StockMarketValue``, …)
come for one account only where its own updates were asked for: the summary of several accounts adds them up and calls
them those of "All" (TWS API, "Account Summary"). From gateway 10.47 on their tags may begin with ``$LEDGER-``.
"""

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Final, NamedTuple

from rebalancing.errors import FiguresUnreadable

GROUP: Final = "All"
"""The account that the sums of a summary are told for."""

BASE: Final = "BASE"
"""The pseudo-currency of rows that sum up all currencies."""

PREFIX: Final = "$LEDGER-"

BY_CURRENCY: Final = "NetLiquidationByCurrency"
"""Told for every currency that an account has to do with, in either form."""

UNSET: Final = Decimal("1e300")
"""The protocol sends the largest double there is for a figure it does not have."""

MOST: Final = Decimal("1e18")
"""More than all the money there is, in any currency: what is told beyond it cannot be reckoned with exactly."""


class AccountFigure(NamedTuple):
    """One figure as it is told."""

    account: str
    tag: str
    currency: str
    value: str


class AccountValues:
    """The latest figures of one connection, by account, tag and currency; ``accounts`` tells those of its login."""

    def __init__(self, accounts: Callable[[], list[str]]) -> None:
        self._accounts = accounts
        self._told: dict[str, dict[tuple[str, str], str]] = {}
        self._base: dict[str, str] = {}

    def note(self, figure: AccountFigure) -> None:
        """A figure was told."""
        self._told.setdefault(figure.account, {})[figure.tag.removeprefix(PREFIX), figure.currency] = figure.value
        if figure.tag == "NetLiquidation" and figure.currency not in ("", BASE):
            self._base[figure.account] = figure.currency

    def base_currency(self, account: str) -> str | None:
        """The currency that the whole account is told in; ``None`` if it is not told yet."""
        return self._base.get(account)

    def text(self, account: str, tag: str) -> str:
        """A figure of the whole account that has no currency; empty if it is not told."""
        return self._told.get(account, {}).get((tag, ""), "")

    def whole(self, account: str, tag: str) -> Decimal | None:
        """An amount of the whole account, in its base currency."""
        return self._amount(account, tag, self._base.get(account, BASE))

    def currencies(self, account: str) -> frozenset[str]:
        """The currencies whose figures are told for this account alone; empty if none are."""
        return self._currencies_of(self._ledger_of(account))

    def currencies_of_all(self) -> frozenset[str]:
        """The currencies that any account of the login has to do with, if the summary told them."""
        return self._currencies_of(GROUP)

    def in_currency(self, account: str, tag: str, currency: str) -> Decimal | None:
        """An amount, or a rate, by currency. Raises ``FiguresUnreadable`` for what is no number."""
        return self._amount(self._ledger_of(account), tag, currency)

    def _ledger_of(self, account: str) -> str:
        """Under which name an account's figures by currency are: the sums are its own where there is no other."""
        is_alone = self._accounts() == [account]
        return GROUP if is_alone and not self._currencies_of(account) else account

    def _currencies_of(self, name: str) -> frozenset[str]:
        return frozenset(ccy for tag, ccy in self._told.get(name, {}) if tag == BY_CURRENCY and ccy != BASE)

    def _amount(self, account: str, tag: str, currency: str) -> Decimal | None:
        text = self._told.get(account, {}).get((tag, currency))
        if not text:
            return None
        try:
            amount = Decimal(text)
        except InvalidOperation:
            amount = Decimal("NaN")
        if not amount.is_finite() or MOST < abs(amount) < UNSET:
            raise FiguresUnreadable(
                f"The gateway tells {text[:40]!r} as the {tag} of account {account} in {currency}. It is read again; "
                "if this goes on, look at the account in TWS."
            )
        return amount if abs(amount) < UNSET else None
