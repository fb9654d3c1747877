"""Reading the configuration: what is understood, including the original system's own files."""

from decimal import Decimal
from pathlib import Path

import pytest

from configuration.configuration import Configuration, configuration_schema, load_configuration, parse_configuration
from rebalancing.accounts import Account, AccountType
from rebalancing.errors import AccountUnknown
from rebalancing.settings import Settings

EXAMPLE = Path(__file__).parents[2] / "accounts.example.yaml"

MINIMAL = """
accounts:
  - account_id: U1
    strategy_name: blend
"""


def parse(text: str) -> Configuration:
    return parse_configuration(text, Path("folder/accounts.yaml"))


def only_account(text: str) -> Account:
    (account,) = parse(text).accounts
    return account


def test_the_example_file_is_valid_and_shows_the_defaults() -> None:
    configuration = load_configuration(EXAMPLE)
    assert configuration.settings == Settings()
    assert len(configuration.enabled_accounts) == 4
    assert configuration.account("DU7654321") == Account(
        account_id="DU7654321", strategy_name="etf-blend-301-20", type=AccountType.PAPER
    )


def test_an_account_needs_only_a_number_and_a_strategy() -> None:
    account = only_account(MINIMAL)
    assert account.type is AccountType.LIVE
    assert account.enabled
    assert account.cash_reserve_percent == 1
    assert account.written_targets is None


def test_settings_have_the_original_defaults() -> None:
    settings = parse(MINIMAL).settings
    assert settings.concurrency.max_concurrent_requests == 10
    assert settings.concurrency.max_concurrent_rebalances is None
    assert settings.concurrency.operation_timeout == 300
    assert settings.concurrency.request_timeout == 10
    assert settings.concurrency.cancel_timeout == 60
    assert settings.concurrency.connection_check_interval == 30
    assert settings.max_wait == 86_400
    assert settings.fill_timeout == 120


def test_settings_are_read() -> None:
    settings = parse(MINIMAL + "concurrency: {operation_timeout: 60.5}\nretry: {base_delay: 5}").settings
    assert settings.concurrency.operation_timeout == 60.5
    assert settings.retry.base_delay == 5


def test_the_original_list_of_accounts_is_read() -> None:
    account = only_account(
        """
- account_id: "DU123456"
  notification:
    channel: "strategy-name-100"
  rebalancing:
    equity_reserve_percentage: 2.5  # as it was
  allocations:
    url: "https://example.com/strategy-name-100/allocations"
"""
    )
    assert account.strategy_name == "strategy-name-100"
    assert account.cash_reserve_percent == Decimal("2.5")
    assert account.allocations.url == "https://example.com/strategy-name-100/allocations"
    assert account.type is AccountType.PAPER


def test_the_original_file_with_replacement_sets_is_read() -> None:
    account = only_account(
        """
accounts:
  - account_id: "U789012"
    type: live
    enabled: false
    replacement_set: ira
    notification: {channel: blend}
    rebalancing: {cash_reserve_percent: 1.5}
replacement_sets:
    ira:
        - source: UVXY
          target: VXX
          scale: 1.5
"""
    )
    assert not account.enabled
    assert account.cash_reserve_percent == Decimal("1.5")
    assert [(r.source, r.target, r.scale) for r in account.replacements] == [("UVXY", "VXX", Decimal("1.5"))]


def test_the_same_strategy_and_reserve_may_be_given_both_ways() -> None:
    account = only_account(
        MINIMAL + "    notification: {channel: blend}\n    cash_reserve_percent: 2\n"
        "    rebalancing: {equity_reserve_percentage: 2.0}\n"
    )
    assert account.cash_reserve_percent == 2


def test_decimals_are_exact() -> None:
    assert only_account(MINIMAL + "    cash_reserve_percent: 0.1").cash_reserve_percent == Decimal("0.1")


def test_weights_may_be_written_in_the_file() -> None:
    account = only_account(
        MINIMAL + "    allocations:\n    - {symbol: spy, allocation: 0.9}\n    - {symbol: cash, allocation: .1}"
    )
    targets = account.written_targets
    assert targets
    assert targets.weights == {"SPY": Decimal("0.9"), "CASH": Decimal("0.1")}
    assert targets.tradable == ("SPY",)


def test_a_file_of_weights_is_found_beside_the_configuration() -> None:
    account = only_account(MINIMAL + "    allocations: {file: weights.json}")
    assert account.allocations.file == str(Path("folder/weights.json"))


def test_an_account_survives_json() -> None:
    for account in load_configuration(EXAMPLE).accounts:
        assert Account.model_validate_json(account.model_dump_json()) == account


def test_accounts_are_found_by_number() -> None:
    assert parse(MINIMAL).account("U1").strategy_name == "blend"


def test_an_unknown_account_is_named_together_with_the_known_ones() -> None:
    with pytest.raises(AccountUnknown, match=r"U9 is not in the configuration, which has U1"):
        parse(MINIMAL).account("U9")


def test_an_account_that_is_switched_off_is_refused_and_serves_no_channel() -> None:
    configuration = parse(MINIMAL + "    enabled: false")
    assert configuration.strategies == {}
    with pytest.raises(AccountUnknown, match="switched off"):
        configuration.account("U1")


def test_one_strategy_may_serve_many_accounts() -> None:
    configuration = parse(
        MINIMAL + "  - {account_id: U2, strategy_name: blend}\n  - {account_id: U3, strategy_name: x}"
    )
    strategies = configuration.strategies
    assert [account.account_id for account in strategies["blend"]] == ["U1", "U2"]
    assert list(strategies) == ["blend", "x"]


def test_anchors_and_merge_keys_are_understood() -> None:
    configuration = parse(
        "accounts:\n"
        "  - &first {account_id: U1, strategy_name: blend, tolerance_percent: 2}\n"
        "  - {<<: *first, account_id: U2}\n"
    )
    assert configuration.accounts[1].tolerance_percent == 2


def test_the_schema_describes_every_key() -> None:
    schema = configuration_schema()
    assert set(schema["properties"]) == {
        "accounts",
        "replacement_sets",
        "allocations",
        "concurrency",
        "retry",
        "quotes",
        "events",
        "figures",
        "circuit_breaker",
        "http",
        "alerts",
        "fill_timeout",
        "figures_lag",
        "freshness",
        "clock_tolerance",
        "gateway_restart",
        "max_wait",
        "seals",
    }
    account = schema["$defs"]["AccountEntry"]
    assert {"account_id", "notification", "rebalancing", "held_out"} <= set(account["properties"])
    assert account["additionalProperties"] is False
    assert "type" not in account["required"]
    assert "strategy_name" not in account["required"]
    assert "replacements" not in account["properties"]
