"""What a run starts from: a dozen accounts over several strategies, their broker, and the files that say so."""

import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Final

import yaml

from chaos.timeline import STRATEGIES, SYMBOLS, Rule

ACCOUNTS: Final = {f"DU{number:07}": STRATEGIES[number % len(STRATEGIES)] for number in range(1, 13)}
"""Each account and the strategy it follows."""

RESERVE_PERCENT: Final = Decimal(2)
FRESHNESS: Final = 10
"""Seconds for which the application may send orders by figures that it read."""

START_PRICES: Final = {
    "QQQ": "612.30",
    "SPY": "671.90",
    "BND": "74.40",
    "GLD": "378.20",
    "EDC": "52.40",
    "TLT": "89.60",
    "IWM": "239.80",
    "VTI": "329.45",
}

SETTINGS: Final = {
    "concurrency": {
        "request_timeout": 3,
        "cancel_timeout": 8,
        "connection_check_interval": 2,
        "operation_timeout": 240,
    },
    "retry": {"base_delay": 0.2, "max_delay": 2},
    "fill_timeout": 20,
    "figures_lag": 3,
    "freshness": FRESHNESS,
    "max_wait": 3600,
}
"""Like the defaults, with shorter waits."""

LATENCY: Final = {"request": 0.002, "ack": 0.15, "fill": [0.2, 2.5], "commission": 0.15, "account_values": 1.0}


def start_cash(account: str) -> Decimal:
    """US dollars an account begins with; a little different for each."""
    return Decimal(60_000 + 7_500 * list(ACCOUNTS).index(account))


def start_holdings(account: str) -> dict[str, int]:
    """Whole shares an account begins with."""
    number = list(ACCOUNTS).index(account)
    return {SYMBOLS[number % len(SYMBOLS)]: 40 + number} if number % 3 else {}


def followers(strategy: str) -> tuple[str, ...]:
    """The accounts that follow a strategy."""
    return tuple(account for account, own in ACCOUNTS.items() if own == strategy)


def write_accounts(path: Path) -> None:
    """The application's own configuration."""
    accounts = [
        {"account_id": account, "strategy_name": strategy, "cash_reserve_percent": float(RESERVE_PERCENT)}
        for account, strategy in ACCOUNTS.items()
    ]
    path.write_text(yaml.safe_dump({"accounts": accounts, **SETTINGS}), encoding="utf-8")


def write_scenario(path: Path) -> None:
    """What the gateway stand-in starts from: a market that never closes, and accounts that may borrow.

    Margin accounts, so that nobody but the application itself keeps them from being overspent.
    """
    scenario = {
        "hours": "always_open",
        "latency": LATENCY,
        "accounts": [
            {"account": account, "cash": str(start_cash(account)), "holdings": start_holdings(account)}
            for account in ACCOUNTS
        ],
        "instruments": [{"symbol": symbol, "price": price} for symbol, price in START_PRICES.items()],
    }
    path.write_text(yaml.safe_dump(scenario), encoding="utf-8")


def write_allocations(
    path: Path, weights: Mapping[str, Mapping[str, float]], faults: Mapping[str, Rule] | None = None
) -> None:
    """What the allocations stand-in serves, in one step: it looks at the file while we write."""
    wrong = faults or {}
    content = {
        strategy: {"weights": dict(own), "faults": [dict(wrong[strategy])] if strategy in wrong else []}
        for strategy, own in weights.items()
    }
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(content), encoding="utf-8")
    partial.replace(path)
