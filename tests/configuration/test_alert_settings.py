"""The ``alerts:`` block: who gets what, and what is refused."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from configuration.alert_settings import AlertSettings
from configuration.configuration import ConfigurationInvalid, parse_configuration
from configuration.environment import alert_address
from rebalancing.alerts import AlertKind

ACCOUNTS = "accounts: [{account_id: U1, strategy_name: blend}]\n"


def alerts(text: str) -> AlertSettings:
    """The block as it is read."""
    return parse_configuration(ACCOUNTS + text, Path("folder/accounts.yaml")).alerts


def test_without_the_block_nobody_is_told() -> None:
    assert not alerts("").is_on


def test_a_receiver_gets_all_the_urgent_ones_or_those_that_are_listed() -> None:
    own = alerts("alerts: {receivers: {phone: urgent, mail: all, ops: [failed, started]}}")
    assert own.receivers_of([AlertKind.FAILED]) == ("phone", "mail", "ops")
    assert own.receivers_of([AlertKind.STARTED]) == ("mail", "ops")
    assert own.receivers_of([AlertKind.COMPLETED]) == ("mail",)
    assert not own.gets("nobody", AlertKind.FAILED)


def test_dry_runs_are_told_of_only_where_that_is_wanted() -> None:
    assert not alerts("alerts: {receivers: {mail: all}}").gets("mail", AlertKind.DRY_RUN_COMPLETED)
    assert alerts("alerts: {dry_runs: true, receivers: {mail: all}}").gets("mail", AlertKind.DRY_RUN_COMPLETED)


def test_templates_are_found_from_where_the_configuration_is() -> None:
    assert alerts("alerts: {templates: words}").templates == "folder/words"


@pytest.mark.parametrize(
    ("block", "told"),
    [
        ("receivers: {mail: everything}", "urgent, all or a list of kinds is allowed"),
        ("receivers: {mail: [fail]}", "failed"),
        ("receivers: {Mail: all}", "receivers"),
        ("digest_at: noon", "a time and a zone are needed"),
        ("gateway_login_ends: 01:00 Europe/Berlin", "a day, a time and a zone are needed"),
        ("digest_every: -1", "digest_every"),
        ("reciever: {}", "receivers"),
    ],
)
def test_what_cannot_be_is_refused_in_words(block: str, told: str) -> None:
    with pytest.raises(ConfigurationInvalid, match=told):
        alerts(f"alerts: {{{block}}}")


def test_outcomes_are_not_published_where_events_come_or_each_would_be_one() -> None:
    with pytest.raises(ConfigurationInvalid, match="on which events come"):
        alerts("alerts: {ably_channel: blend}")
    assert alerts("alerts: {ably_channel: outcomes}").is_on


def test_an_address_comes_from_the_environment_and_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    assert alert_address("phone") is None
    monkeypatch.setenv("ALERT_PHONE_URL", "ntfy://secret")
    found = alert_address("phone")
    assert found == SecretStr("ntfy://secret")
    assert "secret" not in repr(found)
