"""The account summary of one connection: figures of each account, and those by currency of all accounts together.

Whoever asks for ``$LEDGER:ALL`` is told sums over all accounts of the group, under its name "All" (TWS API, "Account
Summary": "summed values across all accounts and currencies"), never what one account has in a currency.
"""

import re
from decimal import Decimal, InvalidOperation
from typing import Final

from simulator.gateway.engine import Engine
from simulator.gateway.figures import BASE, NOT_MONEY, AccountValue, figures, prefixed

GROUP: Final = "All"

_BY_CURRENCY = re.compile(r"\$LEDGER(:[A-Z]{3})?")
_Key = tuple[str, str]  # tag, currency


class AccountSummary:
    """One subscription. Figures are told whole at first, later only where they changed."""

    def __init__(self, engine: Engine, tags: str) -> None:
        self._engine = engine
        self._tags = _split(tags)
        self._ledger = next((tag for tag in self._tags if tag.startswith("$LEDGER")), "")
        self._sent: dict[tuple[str, str, str], str] = {}
        self._parts: dict[str, dict[_Key, Decimal]] = {}
        self._sums: dict[_Key, Decimal] = {}

    def rows(self) -> list[tuple[str, AccountValue]]:
        """Everything, each row with the account it is of."""
        return [row for account in self._engine.accounts for row in self.changed(account)]

    def changed(self, account: str) -> list[tuple[str, AccountValue]]:
        """What must be told after this account's figures changed."""
        now = self._engine.bulletin.figures(account)
        named = [(_summary_name(tag), value, currency) for tag, value, currency in now.whole if currency != BASE]
        rows = [(account, row) for row in named if row[0] in self._tags]
        rows += [(GROUP, row) for row in self._added_up(account, now.by_currency)]
        return [row for row in rows if self._is_news(row)]

    def _added_up(self, account: str, rows: tuple[AccountValue, ...]) -> list[AccountValue]:
        if not self._ledger:
            return []
        wanted = [row for row in rows if row[2] == BASE or self._ledger.endswith((":ALL", f":{row[2]}"))]
        before = self._parts.get(account, {})
        now = {(tag, ccy): amount for tag, value, ccy in wanted if (amount := _amount(tag, value)) is not None}
        for key in {**before, **now}:
            self._sums[key] = self._sums.get(key, Decimal(0)) + now.get(key, Decimal(0)) - before.get(key, Decimal(0))
        self._parts[account] = now
        sums = [(tag, str(self._sums[tag, ccy]) if (tag, ccy) in now else value, ccy) for tag, value, ccy in wanted]
        return [prefixed(row) for row in sums] if self._engine.scenario.ledger_prefix else sums

    def _is_news(self, row: tuple[str, AccountValue]) -> bool:
        account, (tag, value, currency) = row
        key = (account, tag, currency)
        is_news = self._sent.get(key) != value
        self._sent[key] = value
        return is_news


def unknown_tags(engine: Engine, tags: str) -> list[str]:
    """Those of the tags that are asked for which no account has."""
    ledger = next(iter(engine.accounts.values()))
    known = {_summary_name(tag) for tag, _, _ in figures(ledger, engine.market).whole}
    return sorted(tag for tag in _split(tags) if tag not in known and not _BY_CURRENCY.fullmatch(tag))


def _split(tags: str) -> set[str]:
    return {tag.strip() for tag in tags.split(",") if tag.strip()}


def _summary_name(tag: str) -> str:
    """What the summary calls a figure: there alone those of the securities segment have no ending that says so."""
    return tag.removesuffix("-S")


def _amount(tag: str, value: str) -> Decimal | None:
    """What can be added up; a figure that is told wrong need be no number."""
    if tag in NOT_MONEY:
        return None
    try:
        amount = Decimal(value)
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None
