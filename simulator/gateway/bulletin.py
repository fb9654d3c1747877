"""What clients are told of accounts: the figures as last published, which may lag behind the books or be told wrong."""

from collections.abc import Callable, Mapping

from simulator.gateway.figures import AccountValue, Figures, figures
from simulator.gateway.ledger import Ledger
from simulator.gateway.market import Market
from simulator.gateway.scenario import Scenario, ToldFigure


class Bulletin:
    """All accounts' figures; ``changed`` is called with an account of which something else is told now."""

    def __init__(
        self,
        scenario: Scenario,
        accounts: Mapping[str, Ledger],
        market: Market,
        today: Callable[[], str],
        changed: Callable[[str], None],
    ) -> None:
        self._scenario = scenario
        self._accounts = accounts
        self._market = market
        self._today = today
        self._changed = changed
        self._published = {account: self._present(account) for account in accounts}
        self._told = {each.account: each.told for each in scenario.accounts}

    def figures(self, account: str) -> Figures:
        """The account's figures as last published: they lag behind the fills if the scenario says so."""
        lags = self._scenario.latency.account_values > 0
        return (self._published[account] if lags else self._present(account)).told(self._told.get(account, ()))

    def rows(self, account: str) -> list[AccountValue]:
        """The same as one account's updates tell it."""
        return self.figures(account).rows(prefix=self._scenario.ledger_prefix)

    def publish(self, account: str) -> None:
        """Have clients told what the books say now."""
        self._published[account] = self._present(account)
        self._changed(account)

    def publish_all(self) -> None:
        """The same for every account, as IBKR does by itself every three minutes."""
        for account in self._accounts:
            self.publish(account)

    def tell(self, account: str, told: tuple[ToldFigure, ...]) -> None:
        """From now on tell these figures in place of the true ones. Raises `KeyError` for an unknown account."""
        if account not in self._accounts:
            raise KeyError(account)
        self._told[account] = told
        self._changed(account)

    def _present(self, account: str) -> Figures:
        self._accounts[account].settle(self._today())
        return figures(self._accounts[account], self._market)
