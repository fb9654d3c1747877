"""What an account's configuration holds a rebalance to, in words: reserve, bands, rules, guards and approval."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from enum import Enum

from pydantic import BaseModel

from rebalancing.accounts import Account
from rebalancing.guards import Guards
from rebalancing.planner.trading_rules import TradingRules

_ALWAYS = ("cash_reserve_percent", "tolerance_percent")
"""What is told although it is at its default."""

_OTHERS = ("cash_reserve_percent", "funding", "margin_check", "foreign_orders", "market_closed", "quotes_needed")


def limits_of(account: Account) -> Mapping[str, str]:
    """By the names of the configuration; what has its default is left out, but for reserve and tolerance."""
    found = dict(_set(account, (*_OTHERS, *TradingRules.model_fields)))
    found |= {f"guards.{name}": told for name, told in _set(account.guards, Guards.model_fields)}
    found |= {f"approval.{name}": told for name, told in _set(account.approval, type(account.approval).model_fields)}
    return found


def _set(model: BaseModel, names: object) -> Iterator[tuple[str, str]]:
    fields = type(model).model_fields
    for name in dict.fromkeys(names):  # type: ignore[call-overload]
        value = getattr(model, name)
        if name in _ALWAYS or value != fields[name].get_default(call_default_factory=True):
            yield name, _told(value)


def _told(value: object) -> str:
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, set | frozenset):
        return ", ".join(sorted(map(str, value)))
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {part}" for key, part in sorted(value.items()))
    return str(value).lower() if isinstance(value, bool) else str(value)
