"""Accounts with what they hold and follow, and the files that tell an installation of them.

Whoever starts one says which accounts take part; what they are drawn from differs on purpose and stays there.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True)
class Portfolio:
    """One account at the beginning: cash in US dollars, whole shares held, and the strategy it follows."""

    account: str
    strategy: str
    cash: Decimal
    holdings: Mapping[str, int]


def write_accounts(path: Path, accounts: Iterable[Mapping[str, Any]], settings: Mapping[str, Any]) -> None:
    """The application's own configuration, by the names that everybody's has."""
    path.write_text(yaml.safe_dump({"accounts": list(accounts), **settings}), encoding="utf-8")


def write_scenario(
    path: Path, portfolios: Iterable[Portfolio], prices: Mapping[str, Decimal], **market: object
) -> None:
    """What a simulated gateway starts from: these accounts, and a market that never closes."""
    scenario = {
        "hours": "always_open",
        **market,
        "accounts": [
            {"account": own.account, "cash": str(own.cash), "holdings": dict(own.holdings)} for own in portfolios
        ],
        "instruments": [{"symbol": symbol, "price": str(price)} for symbol, price in prices.items()],
    }
    path.write_text(yaml.safe_dump(scenario), encoding="utf-8")


def write_allocations(
    path: Path, weights: Mapping[str, Mapping[str, float]], faults: Mapping[str, Mapping[str, object]] | None = None
) -> None:
    """What the allocations stand-in serves, in one step: it may look at the file while we write."""
    wrong = faults or {}
    content = {
        strategy: {"weights": dict(own), "faults": [dict(wrong[strategy])] if strategy in wrong else []}
        for strategy, own in weights.items()
    }
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(content), encoding="utf-8")
    partial.replace(path)
