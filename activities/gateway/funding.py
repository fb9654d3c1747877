"""What the gateway knows of how an account pays: its kind, and what it bought with money that has not settled."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import ib_insync as ibi

from activities.gateway import translation
from activities.gateway.session import GatewaySession
from rebalancing.account_kind import AccountKind, kind_of
from rebalancing.orders import Side
from rebalancing.settlement import DayTrade, bought_unsettled

_SIDES = {"BOT": Side.BUY, "SLD": Side.SELL}


@dataclass(frozen=True)
class FundingReader:
    """Reads it from the account values and the day's executions that the session holds; requests nothing."""

    session: GatewaySession

    def kind(self, account: str) -> AccountKind:
        """Whether the account is a cash or a margin account, by the broker's figures."""
        stated = self._text(account, "AccountType", "") or ""
        buying_power, available = self._figure(account, "BuyingPower"), self._figure(account, "AvailableFunds")
        return kind_of(stated, buying_power, available)

    def bought_unsettled(self, account: str, cash: Decimal, now: datetime) -> tuple[str, ...]:
        """What the account bought today with unsettled money, should it be a cash account."""
        return bought_unsettled(self._day_trades(account), cash, self._figure(account, "SettledCash"), now)

    def _figure(self, account: str, tag: str) -> Decimal | None:
        text = self._text(account, tag, "USD")
        return Decimal(text) if text else None

    def _text(self, account: str, tag: str, currency: str) -> str | None:
        """From the account's own values or, where those were not asked for, from the summary of all accounts."""
        wrapper = self.session.ib.wrapper
        own = wrapper.accountValues.get((account, tag, currency, ""))
        found = own or wrapper.acctSummary.get((account, tag, currency))
        return found.value if found else None

    def _day_trades(self, account: str) -> Iterator[DayTrade]:
        for fill in self.session.ib.fills():
            if fill.execution.acctNumber == account and _is_managed(fill.contract) and fill.execution.side in _SIDES:
                yield _day_trade(fill)


def _is_managed(contract: ibi.Contract) -> bool:
    return contract.secType == "STK" and contract.currency == "USD"


def _day_trade(fill: ibi.Fill) -> DayTrade:
    price = translation.decimal_or_none(fill.execution.price) or Decimal(0)
    return DayTrade(
        symbol=fill.contract.symbol,
        side=_SIDES[fill.execution.side],
        value=Decimal(repr(fill.execution.shares)) * price,
        at=fill.execution.time,
    )
