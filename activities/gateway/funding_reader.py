"""What the gateway knows of how an account pays: its kind, and what it bought with money that has not settled."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from activities.gateway import translation
from activities.gateway.session import GatewaySession
from rebalancing.funding.account_kind import AccountKind, kind_of
from rebalancing.funding.settlement import bought_unsettled


@dataclass(frozen=True)
class FundingReader:
    """Reads it from the account values and the day's executions that the session holds; requests nothing."""

    session: GatewaySession

    def kind(self, account: str) -> AccountKind:
        """Whether the account is a cash or a margin account, by the broker's figures."""
        values = self.session.values
        buying_power, available = values.whole(account, "BuyingPower"), values.whole(account, "AvailableFunds")
        return kind_of(values.text(account, "AccountType"), buying_power, available)

    def bought_unsettled(self, account: str, cash: Decimal, now: datetime) -> tuple[str, ...]:
        """What the account bought today with unsettled money, should it be a cash account."""
        day_trades = translation.day_trades(self.session.ib.fills(), account)
        return bought_unsettled(day_trades, cash, self._settled_cash(account), now)

    def _settled_cash(self, account: str) -> Decimal | None:
        """It is told of the whole account: where that is not in US dollars, it says nothing of the dollars."""
        values = self.session.values
        return values.whole(account, "SettledCash") if values.base_currency(account) == "USD" else None
