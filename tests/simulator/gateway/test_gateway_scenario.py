"""Scenario files: what is accepted, and what is said about those that are not."""

from pathlib import Path

import pytest

from simulator.gateway.scenario import DEMO_SCENARIO, ScenarioError, load_scenario, parse_scenario

MINIMAL = 'accounts: [{account: DU1, cash: "100"}]\ninstruments: [{symbol: SPY, price: "600"}]\n'


def test_the_demo_has_six_accounts_and_its_market_is_always_open() -> None:
    demo = load_scenario(DEMO_SCENARIO)
    assert [each.account for each in demo.accounts] == [f"DU100000{n}" for n in range(1, 7)]
    assert demo.hours == "always_open"
    assert {"EDC", "QLD", "QQQ", "BTAL", "SPXL", "TQQQ"} <= {each.symbol for each in demo.instruments}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("accounts: [", "not YAML"),
        ("[]", "expected a mapping"),
        (MINIMAL + "colour: red\n", "colour: Extra inputs are not permitted"),
        (MINIMAL.replace('"100"', ".nan"), "accounts.0.cash"),
        (MINIMAL.replace('"600"', '"0"'), "instruments.0.price"),
        (MINIMAL.replace('cash: "100"', 'cash: "100", holdings: {TLT: 3}'), "account DU1 holds TLT"),
        (MINIMAL.replace("[{account", '[{account: DU1, cash: "1"}, {account'), "account given more than once: DU1"),
        (MINIMAL + "latency: {fill: [2, 1]}\n", "latency: Value error, fill: the first number is the shortest"),
        (MINIMAL + "clock: {mode: fixed}\n", "mode 'fixed' needs it"),
        (MINIMAL + "clock: {mode: fixed, start: 2026-11-24T10:00:00}\n", "timezone"),
        (MINIMAL + "hours: sometimes\n", "hours: Input should be 'us_stocks', 'always_open' or 'listed'"),
    ],
)
def test_a_wrong_scenario_says_what_is_wrong(text: str, message: str) -> None:
    with pytest.raises(ScenarioError, match=r"^my\.yaml") as refused:
        parse_scenario(text, "my.yaml")
    assert message in str(refused.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"nowhere\.yaml"):
        load_scenario(tmp_path / "nowhere.yaml")
