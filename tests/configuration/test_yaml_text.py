"""What a word without quotes means is YAML 1.2's, and everything that is too much has its place told."""

from decimal import Decimal
from pathlib import Path
from typing import cast

import pytest

from configuration.configuration import Configuration, ConfigurationInvalid, parse_configuration
from configuration.yaml_text import YamlProblem, read_yaml
from rebalancing.accounts import Account

HEAD = "accounts:\n  - account_id: U1\n    strategy_name: blend\n"


def value(written: str) -> object:
    return cast("dict[str, object]", read_yaml(f"a: {written}").content)["a"]


def parse(text: str) -> Configuration:
    return parse_configuration(HEAD + text, Path("accounts.yaml"))


def account(text: str) -> Account:
    return parse(f"    {text}\n").accounts[0]


def problem(text: str) -> str:
    with pytest.raises(ConfigurationInvalid) as refused:
        parse(text)
    (found,) = refused.value.problems
    return found


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("0777", 777),
        ("007", 7),
        ("-012", -12),
        ("+12", 12),
        ("0o17", 15),
        ("0x1F", 31),
        (".5", Decimal("0.5")),
        ("5.", Decimal(5)),
        ("-.5", Decimal("-0.5")),
        ("0.10", Decimal("0.10")),
        ("1e3", Decimal(1000)),
        ("1E-3", Decimal("0.001")),
        (".inf", Decimal("Infinity")),
        ("-.INF", Decimal("-Infinity")),
        ("true", True),
        ("FALSE", False),
        ("null", None),
        ("~", None),
        ("", None),
    ],
)
def test_a_number_or_word_of_yaml_1_2_is_one(written: str, meant: object) -> None:
    found = value(written)
    assert (type(found), found) == (type(meant), meant)


@pytest.mark.parametrize(
    "written",
    [
        "1:30", "12:30:45", "1_000", "0b11", "0x", "0o8", "0o", "-0x1", "1e", "e3", ".", "+", "1.2.3", "0.1.", "--1",
        "yes", "No", "on", "OFF", "y", "N", "tRue", "nULL", "inf", "nan", "=", "2025-01-01", "2025-01-01 10:00:00Z",
        "١٢", "１",
    ],
)  # fmt: skip
def test_everything_else_is_text(written: str) -> None:
    assert value(written) == written


@pytest.mark.parametrize("written", ["'12'", '"12"', "|-\n  12", ">-\n  12"])
def test_what_is_in_quotes_is_text(written: str) -> None:
    assert value(written) == "12"


def test_not_a_number_is_one_word_only() -> None:
    assert str(value(".nan")) == "NaN"


def test_symbols_that_yaml_1_1_takes_for_yes_and_no_are_symbols() -> None:
    own = account("held_out: [ON, NO, Y, OFF]\n    lots: {ON: 10, TRUE: 20, NULL: 30, 700: 40}")
    assert own.held_out == {"ON", "NO", "Y", "OFF"}
    assert own.lots == {"ON": 10, "TRUE": 20, "NULL": 30, "700": 40}


@pytest.mark.parametrize(("written", "is_on"), [("yes", True), ("on", True), ("no", False), ("off", False)])
def test_switches_of_older_files_are_understood_all_the_same(written: str, is_on: bool) -> None:
    assert account(f"enabled: {written}").enabled is is_on


def test_a_time_is_no_number_of_seconds() -> None:
    assert "max_wait: found '1:30'; a number is allowed" in problem("max_wait: 1:30\n")
    assert "gateway_restart: a time and a zone are needed" in problem("gateway_restart: 23:45\n")


@pytest.mark.parametrize("number", ["9" * 5000, "0x" + "F" * 5000, "0." + "3" * 5000, "1" * 41, "0777" * 2000])
@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("    cash_reserve_percent: {}\n", "accounts.yaml:4:5: accounts[0].cash_reserve_percent: found "),
        ("    lots: {{VTI: {}}}\n", "accounts.yaml:4:12: accounts[0].lots.VTI: found "),
        ("    held_out: [A, {}]\n", "accounts.yaml:4:19: accounts[0].held_out[1]: found "),
        ("    allocations: [{{symbol: VTI, allocation: {}}}]\n", "4:33: accounts[0].allocations[0].allocation: found "),
        ("concurrency: {{max_concurrent_requests: {}}}\n", "4:15: concurrency.max_concurrent_requests: found "),
        ("max_wait: {}\n", "accounts.yaml:4:1: max_wait: found "),
    ],
)
def test_a_number_that_never_ends_has_its_place_told(text: str, place: str, number: str) -> None:
    found = problem(text.format(number))
    assert place in found
    assert "at most 40" in found
    assert len(found) < 200


@pytest.mark.parametrize("number", ["1e999999999", "1e-999999999", "-1e41", "0e999999999", "1e99999999999999999999"])
def test_so_has_one_of_a_power_beyond_reason(number: str) -> None:
    assert "accounts.yaml:4:5: accounts[0].minimum_order_value: found" in problem(
        f"    minimum_order_value: {number}\n"
    )
    assert "accounts.yaml:4:12: accounts[0].lots.VTI: found" in problem(f"    lots: {{VTI: {number}}}\n")


@pytest.mark.parametrize(
    "written", ["!!int x", "!!float x", "!!bool x", "!!null x", "!!timestamp x", "!!binary '%'", "!!set {a}", "!x y"]
)
def test_a_tag_is_refused_with_its_place(written: str) -> None:
    with pytest.raises(YamlProblem, match="tags") as refused:
        read_yaml(f"b: 1\na: {written}")
    assert refused.value.place
    assert refused.value.place.line == 2
    assert refused.value.field == ("a",)


def test_of_blocks_that_stand_in_the_earlier_one_counts_and_what_is_given_before_all() -> None:
    text = "one: &one {a: 1, b: 1}\ntwo: &two {b: 2, c: 2}\nall: {<<: [*one, *two], c: 3}\n"
    assert cast("dict[str, object]", read_yaml(text).content)["all"] == {"a": 1, "b": 1, "c": 3}


@pytest.mark.parametrize("written", ["1", "[1]", "text"])
def test_what_stands_in_must_be_a_block(written: str) -> None:
    with pytest.raises(YamlProblem, match="<< takes a block"):
        read_yaml(f"a: {{<<: {written}}}")
