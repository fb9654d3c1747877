"""What people and publishers write becomes the symbol that IBKR has, or is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from configuration.configuration import Configuration, ConfigurationInvalid, parse_configuration
from rebalancing.symbols import symbol_of
from rebalancing.targets import AllocationsInvalid, check_allocations

HEAD = "accounts:\n  - account_id: U1\n    strategy_name: blend\n"
FOREIGN = ["ſPY", "ＱＱＱ", "SРY", "ﬁ", "ß", "Q\u200bQQ", "ıBM", "\u212ab"]
"""Letters that look like others, or whose capitals are others: ſ becomes S, the last K is the sign of the kelvin."""


def parse(text: str) -> Configuration:
    return parse_configuration(HEAD + text, Path("accounts.yaml"))


def problem(text: str) -> str:
    with pytest.raises(ConfigurationInvalid) as refused:
        parse(text)
    (found,) = refused.value.problems
    return found


def listed(*symbols: str) -> list[dict[str, Any]]:
    return [{"symbol": symbol, "allocation": "0.5"} for symbol in symbols]


@pytest.mark.parametrize(
    ("written", "symbol"),
    [
        ("SPY", "SPY"),
        (" spy ", "SPY"),
        ("BRK B", "BRK B"),
        ("brk.b", "BRK B"),
        ("BF-B", "BF-B"),
        ("A", "A"),
        ("9", "9"),
    ],
)
def test_it_is_in_capitals_and_class_shares_have_a_space(written: str, symbol: str) -> None:
    assert symbol_of(written) == symbol


@pytest.mark.parametrize("written", ["", " ", ".", "BRK.", "-A", "Q;Q", "Q\nQ", "A" * 22, *FOREIGN])
def test_everything_else_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="letters A to Z"):
        symbol_of(written)


@pytest.mark.parametrize("written", FOREIGN)
def test_published_letters_of_another_alphabet_never_become_a_symbol(written: str) -> None:
    with pytest.raises(AllocationsInvalid, match="entry 2 has the symbol"):
        check_allocations("blend", listed("QQQ", written))


@pytest.mark.parametrize("written", FOREIGN)
@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("held_out", "[{}]"),
        ("never_sell", "[{}]"),
        ("lots", "{{{}: 10}}"),
        ("symbol_order_policies", "{{{}: {{type: MOC}}}}"),
        ("allocations", "[{{symbol: {}, allocation: 1}}]"),
    ],
)
def test_nor_do_those_of_the_configuration(key: str, text: str, written: str) -> None:
    assert "letters A to Z" in problem(f"    {key}: {text.format(json.dumps(written))}\n")


def test_one_share_written_in_two_ways_is_listed_twice() -> None:
    with pytest.raises(AllocationsInvalid, match="BRK B is listed twice"):
        check_allocations("blend", listed("BRK.B", "BRK B"))


@pytest.mark.parametrize(
    "text", ["    lots: {BRK.B: 10, BRK B: 20}\n", "    symbol_order_policies: {spy: {type: MOC}, SPY: {type: MKT}}\n"]
)
def test_it_cannot_have_two_lots_or_policies(text: str) -> None:
    assert "the same share is named twice" in problem(text)


def test_replacements_know_it_however_it_is_written() -> None:
    sets = "    replacement_set: ira\nreplacement_sets: {ira: [{source: brk.b, target: spy}]}\n"
    (rule,) = parse(sets).accounts[0].replacements
    assert (rule.source, rule.target) == ("BRK B", "SPY")
