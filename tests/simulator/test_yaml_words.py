"""The stand-ins' files mean what the application's mean: the words and numbers of YAML 1.2."""

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configuration.yaml_text import YamlProblem, read_yaml
from simulator.allocations.strategies import StrategiesFileError, read_strategies
from simulator.gateway.scenario import ScenarioError, parse_scenario
from simulator.yaml_words import read_words

SCENARIO = """\
accounts: [{{account: DU1, cash: {cash}}}]
instruments: [{{symbol: NO, price: 10}}, {{symbol: ON, price: 1e1}}]
"""


@pytest.mark.parametrize(("written", "meant"), [("0777", 777), ("0o777", 511), ("1e3", 1000), ("+12.50", "12.50")])
def test_numbers_are_those_of_yaml_1_2(written: str, meant: object) -> None:
    scenario = parse_scenario(SCENARIO.format(cash=written))
    assert scenario.accounts[0].cash == Decimal(str(meant))
    assert [instrument.symbol for instrument in scenario.instruments] == ["NO", "ON"]


@pytest.mark.parametrize("written", ["1:30", "0b11", "2026-11-24", "9" * 5000])
def test_what_is_no_number_there_is_refused_where_one_is_needed(written: str) -> None:
    with pytest.raises(ScenarioError, match=r"s\.yaml"):
        parse_scenario(SCENARIO.format(cash=written), "s.yaml")


def test_strategies_are_read_alike(tmp_path: Path) -> None:
    file = tmp_path / "strategies.yaml"
    file.write_text("off: {ON: 010, NO: 0.5}\n", encoding="utf-8")
    assert read_strategies(file)["off"].weights == {"ON": 10, "NO": 0.5}
    file.write_text(f"blend: {{ON: {'9' * 5000}}}\n", encoding="utf-8")
    with pytest.raises(StrategiesFileError, match="5000 characters"):
        read_strategies(file)


@given(st.text("0123456789abcdefoxOX.:_+-~<TrueFalsnNUL", min_size=1, max_size=8))
def test_every_word_means_what_the_application_takes_it_for(word: str) -> None:
    try:
        ours = read_yaml(f"[{word}, x]").content
    except YamlProblem:
        return
    theirs = read_words(f"[{word}, x]")
    if isinstance(theirs, list) and isinstance(theirs[0], dict):
        return  # "0:" is a key without a value, and no word
    assert repr(as_float(theirs)) == repr(as_float(ours))


def as_float(value: object) -> object:
    """Numbers as floats, all through."""
    match value:
        case list():
            return [as_float(one) for one in value]  # pyright: ignore[reportUnknownVariableType]
        case Decimal() | float():
            return float(value)
        case _:
            return value
