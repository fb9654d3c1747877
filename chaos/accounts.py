"""What a run starts from: a dozen accounts over several strategies, and how the application is set up.

The same in every run, so that a seed draws nothing but what happens. Accounts on margin, so that nobody but the
application itself keeps them from being overspent.
"""

from decimal import Decimal
from pathlib import Path
from typing import Final

from chaos.timeline import STRATEGIES, SYMBOLS
from testbed.portfolios import Portfolio, write_accounts, write_scenario

RESERVE_PERCENT: Final = Decimal(2)
FRESHNESS: Final = 10
"""Seconds for which the application may send orders by figures that it read."""

PRICES: Final = ("612.30", "671.90", "74.40", "378.20", "52.40", "89.60", "239.80", "329.45")
START_PRICES: Final = {symbol: Decimal(price) for symbol, price in zip(SYMBOLS, PRICES, strict=True)}

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


def _portfolio(number: int) -> Portfolio:
    """Cash is a little different for each; every third account has nothing else."""
    holdings = {SYMBOLS[number % len(SYMBOLS)]: 40 + number} if number % 3 else {}
    strategy = STRATEGIES[(number + 1) % len(STRATEGIES)]
    return Portfolio(f"DU{number + 1:07}", strategy, Decimal(60_000 + 7_500 * number), holdings)


PORTFOLIOS: Final = tuple(_portfolio(number) for number in range(12))
ACCOUNTS: Final = {own.account: own.strategy for own in PORTFOLIOS}
"""Each account and the strategy it follows."""


def write_start(folder: Path) -> None:
    """What application and gateway read when they start."""
    accounts = [
        {"account_id": account, "strategy_name": strategy, "cash_reserve_percent": float(RESERVE_PERCENT)}
        for account, strategy in ACCOUNTS.items()
    ]
    write_accounts(folder / "accounts.yaml", accounts, SETTINGS)
    write_scenario(folder / "gateway.yaml", PORTFOLIOS, START_PRICES, latency=LATENCY)
