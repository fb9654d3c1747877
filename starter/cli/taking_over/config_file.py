"""What the old ``config.yaml`` says, by our names."""

from collections.abc import Iterator, Mapping
from typing import Final, cast

from starter.cli.taking_over.findings import Fate, Finding

WHERE: Final = "config.yaml"

RENAMED: Final[Mapping[str, tuple[str, ...]]] = {
    "allocations.base_url": ("allocations", "base_url"),
    "retry.base_delay": ("retry", "base_delay"),
    "retry.max_delay": ("retry", "max_delay"),
    "retry.backoff_multiplier": ("retry", "multiplier"),
    "ibkr.request_timeout_seconds": ("concurrency", "request_timeout"),
    "trading.order_timeout_seconds": ("fill_timeout",),
}
"""Ours by theirs."""

TOLERANCE: Final = "trading.allocation_threshold_percent"
"""Becomes each account's ``tolerance_percent``."""

WITHOUT_EQUAL: Final[Mapping[str, str]] = {
    "trading.minimum_cash_reserve_usd": "cash_reserve_percent keeps a share of the account",
    "trading.buy_slippage_percent": "orders go to the market; `order_policy: {type: LMT}` bounds what is paid",
    "trading.order_tif": "orders are for the day",
    "pdt_protection.next_execution_time": "no account is kept from a second rebalance on the same day",
    "executor.max_workers": "accounts interleave; concurrency.max_concurrent_rebalances bounds how many at once",
    "ibkr.market_data_type": "accounts[].quotes_needed says how fresh quotes must be",
    "ably.api_key": "put it into .env as ABLY_API_KEY; it was not copied",
}


def take_config(
    old: Mapping[str, object], accounts: list[dict[str, object]]
) -> tuple[dict[str, object], list[Finding]]:
    """The keys of ``accounts.yaml`` that come of it, and what became of theirs; ``accounts`` get their tolerance."""
    keys: dict[str, object] = {}
    findings: list[Finding] = []
    for key, value in _leaves(old):
        if key in RENAMED:
            *block, name = RENAMED[key]
            at = cast("dict[str, object]", keys.setdefault(block[0], {})) if block else keys
            at[name] = value
            ours = ".".join(RENAMED[key])
            findings.append(Finding(WHERE, key, Fate.TAKEN if ours == key else Fate.CHANGED, f"is {ours}"))
        elif key == TOLERANCE:
            for account in accounts:
                account["tolerance_percent"] = value
            findings.append(Finding(WHERE, key, Fate.CHANGED, "is each account's tolerance_percent"))
        else:
            told = WITHOUT_EQUAL.get(key, "has none: this is done otherwise here")
            findings.append(Finding(WHERE, key, Fate.NO_EQUAL, told))
    return keys, findings


def _leaves(content: Mapping[str, object], at: str = "") -> Iterator[tuple[str, object]]:
    for key, value in content.items():
        name = f"{at}{key}"
        if isinstance(value, dict):
            yield from _leaves(cast("Mapping[str, object]", value), f"{name}.")
        else:
            yield name, value
