"""What the old ``accounts.yaml`` says, by our names."""

from collections.abc import Iterator, Mapping
from typing import Final, cast

from configuration.configuration_file import RESERVE_NAMES
from starter.cli.taking_over.findings import Fate, Finding
from starter.cli.taking_over.old_files import OldFiles

SAME: Final = (
    "account_id",
    "type",
    "enabled",
    "strategy_name",
    "cash_reserve_percent",
    "replacement_set",
    "allocations",
)
"""Keys that are ours too."""

WITHOUT_EQUAL: Final[Mapping[str, str]] = {
    "pdt_protection_enabled": "no account is kept from a second rebalance on the same day: do not trigger one",
    "auto_deploy_remaining_cash": "whole shares are chosen so that the least cash is left within the reserve",
}

RESERVE: Final = "cash_reserve_percent"
OLD_RESERVE: Final = 1
"""Percent where nothing was said; later versions kept none."""


def take_accounts(old: OldFiles) -> tuple[list[dict[str, object]], tuple[Finding, ...]]:
    """Every account with our keys, and what became of theirs."""
    findings: list[Finding] = []
    taken: list[dict[str, object]] = []
    mode = old.environment.get("TRADING_MODE", "").strip().lower()
    for entry in old.accounts:
        own = f"{old.accounts_file}, {entry.get('account_id')}"
        account = {key: entry[key] for key in SAME if key in entry}
        findings += _older_places(entry, account, own)
        findings += _left(entry, own)
        if account.get("enabled", True) is True and mode in ("paper", "live") and account.get("type", mode) != mode:
            account["enabled"] = False
            told = f"is switched off: TRADING_MODE was {mode}, and this account is {account['type']}"
            findings.append(Finding(own, "type", Fate.CHANGED, told))
        taken.append(account)
    findings.insert(0, Finding(old.accounts_file, "accounts", Fate.TAKEN, f"{len(taken)}; comments are not"))
    return taken, tuple(findings)


def _older_places(entry: Mapping[str, object], account: dict[str, object], own: str) -> Iterator[Finding]:
    channel = _block(entry, "notification").get("channel")
    if "strategy_name" not in account and channel is not None:
        account["strategy_name"] = channel
        yield Finding(own, "notification.channel", Fate.CHANGED, "is strategy_name")
    block = _block(entry, "rebalancing")
    name = next((each for each in RESERVE_NAMES if each in block), None)
    if RESERVE not in account and name is not None:
        account[RESERVE] = block[name]
        yield Finding(own, f"rebalancing.{name}", Fate.CHANGED, f"is {RESERVE}")
    if RESERVE not in account:
        account[RESERVE] = OLD_RESERVE
        told = f"was not given: {OLD_RESERVE} % is kept as in the original; its later versions kept nothing"
        yield Finding(own, RESERVE, Fate.CHANGED, told)


def _left(entry: Mapping[str, object], own: str) -> Iterator[Finding]:
    for key in entry:
        if key in WITHOUT_EQUAL:
            yield Finding(own, key, Fate.NO_EQUAL, WITHOUT_EQUAL[key])
        elif key not in (*SAME, "notification", "rebalancing"):
            yield Finding(own, key, Fate.NO_EQUAL, "is not known")
    for block, known in (("notification", ("channel",)), ("rebalancing", RESERVE_NAMES)):
        for key in _block(entry, block):
            if key not in known:
                yield Finding(own, f"{block}.{key}", Fate.NO_EQUAL, "is not known")


def _block(entry: Mapping[str, object], name: str) -> Mapping[str, object]:
    found = entry.get(name)
    return cast("Mapping[str, object]", found) if isinstance(found, dict) else {}
