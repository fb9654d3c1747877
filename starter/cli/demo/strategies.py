"""Who takes part in the demo: the strategies that are published, and the accounts that follow them."""

from typing import Final

STRATEGIES: Final[dict[str, dict[str, str]]] = {
    "leveraged-blend": {
        "EDC": "0.2141", "QLD": "0.1779", "QQQ": "0.1410", "BTAL": "0.2817", "SPXL": "0.0368", "TQQQ": "0.1475",
    },
    "global-sixty-forty": {"VTI": "0.36", "VXUS": "0.24", "BND": "0.40"},
    "all-weather-with-cash": {"VTI": "0.30", "TLT": "0.35", "GLD": "0.15", "AGG": "0.10", "CASH": "0.10"},
    "us-growth": {"QQQ": "0.45", "AAPL": "0.20", "MSFT": "0.20", "IWM": "0.15"},
}  # fmt: skip
"""Published weights by strategy. Those of the first one miss 1 by 0.001, as rounded weights do: the rest is cash."""

FOLLOWERS: Final[dict[str, str]] = {
    "DU1000001": "leveraged-blend",
    "DU1000002": "leveraged-blend",
    "DU1000003": "global-sixty-forty",
    "DU1000004": "us-growth",
    "DU1000005": "all-weather-with-cash",
    "DU1000006": "leveraged-blend",
}
"""The strategy of each account."""

ACCOUNTS: Final = [
    {"account_id": account, "type": "paper", "strategy_name": strategy} for account, strategy in FOLLOWERS.items()
]
"""As they stand in ``accounts.yaml``."""

SETTINGS: Final = {"concurrency": {"settling_period": 0}}
"""No earlier connection can have left anything behind at a gateway that was just started."""

EVENT: Final = {"execution": "rebalance"}
"""The payload that trades."""


def published_weights() -> dict[str, dict[str, float]]:
    """The weights as the allocations API has them: JSON knows no other numbers."""
    return {
        strategy: {symbol: float(weight) for symbol, weight in weights.items()}
        for strategy, weights in STRATEGIES.items()
    }
