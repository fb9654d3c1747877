"""The table of keys is complete, and says what the models say."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from configuration.blocks import blocks
from configuration.configuration import ConfigurationInvalid, parse_configuration
from configuration.configuration_file import file_schema
from configuration.reference import DEFAULTS, EXAMPLES, Setting, settings
from tests.configuration.write_reference import DETAILS, files, rows, with_table
from tests.source_tree import ROOT

PAGE = (ROOT / "docs" / "reference" / "configuration.md").read_text(encoding="utf-8")
EXAMPLE = (ROOT / "accounts.example.yaml").read_text(encoding="utf-8")
SCHEMA = file_schema()

BESIDE: dict[str, dict[str, object]] = {
    "http.certificate": {"http.certificate_key": "key.pem"},
    "http.certificate_key": {"http.certificate": "certificate.pem"},
    "accounts[].order_policy.cushion_percent": {"accounts[].order_policy.type": "LMT"},
}
"""What must be written beside an example."""


def test_the_table_is_what_make_reference_writes() -> None:
    assert with_table(PAGE) == PAGE


def test_a_stale_table_is_noticed_and_written_anew() -> None:
    stale = PAGE.replace("| `max_wait` |", "| `max_weight` |")
    assert stale != PAGE
    assert with_table(stale) == PAGE


def test_a_document_without_the_markers_is_left_alone() -> None:
    with pytest.raises(ValueError, match="are not there"):
        with_table("# Rebalancer\n")


def keys_of(schema: dict[str, Any], at: str = "") -> Iterator[str]:
    """Every key that a JSON Schema knows, as the table writes it: found without the code that writes the table."""
    schema = SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    for name, inner in schema.get("properties", {}).items():
        key = f"{at}.{name}" if at else name
        yield key
        yield from keys_of(inner, key)
    for inner in schema.get("anyOf", []):
        yield from keys_of(inner, at)
    if "items" in schema:
        yield from keys_of(schema["items"], f"{at}[]")
    if isinstance(schema.get("additionalProperties"), dict):
        yield from keys_of(schema["additionalProperties"], f"{at}.<name>")


def test_the_table_has_every_key_that_the_schema_has() -> None:
    told_elsewhere = ("accounts[].symbol_order_policies.<name>.", "accounts[].allocations[].")
    known = {key for key in keys_of(SCHEMA) if not key.startswith(told_elsewhere)}
    assert {key for key, _, _ in rows()} == known
    assert len(known) > 80


@pytest.mark.parametrize("row", list(rows()), ids=lambda row: str(row[0]))
def test_every_key_says_what_it_means(row: tuple[str, str, str]) -> None:
    assert re.match(r"[A-Z`].*\.$", row[1])


def test_words_about_defaults_and_details_belong_to_keys_that_exist() -> None:
    assert {*DEFAULTS, *DETAILS, *EXAMPLES} <= {key for key, _, _ in rows()}


@pytest.mark.parametrize("name", sorted(files()))
def test_what_is_written_from_the_models_is_what_make_reference_writes(name: str) -> None:
    assert (ROOT / name).read_text(encoding="utf-8") == files()[name]


@pytest.mark.parametrize("setting", [each for each in settings() if each.example], ids=lambda setting: setting.key)
def test_every_example_can_be_written(setting: Setting) -> None:
    account: dict[str, Any] = {"account_id": "DU1", "strategy_name": "etf-blend-301-20"}
    rule = {"source": "DBC", "target": "PDBC"}
    content: dict[str, Any] = {"accounts": [account], "replacement_sets": {"ira": [rule]}}
    for key, value in {**BESIDE.get(setting.key, {}), setting.key: yaml.safe_load(setting.example)}.items():
        *blocks_above, name = re.findall(r"\w+", key.replace("<name>", "ira"))
        at: Any = content
        for part in blocks_above:
            inner = at.setdefault(part, {})
            at = inner[0] if isinstance(inner, list) else inner
        at[name] = value
    assert parse_configuration(yaml.safe_dump(content), Path("accounts.yaml"))


@pytest.mark.parametrize("key", sorted({key.rpartition(".")[2].rstrip("[]") for key, _, _ in rows()}))
def test_every_key_is_in_the_example_file(key: str) -> None:
    assert re.search(rf"\b{key}\b", EXAMPLE) or key in ("weights", "cash_reserve_percentage")


@pytest.mark.parametrize("path", [path for path, _ in blocks()], ids=".".join)
def test_an_unknown_key_is_refused_in_every_block(path: tuple[str, ...]) -> None:
    account = {"account_id": "DU1", "strategy_name": "blend", "symbol_order_policies": {"EDC": {}}}
    content: dict[str, Any] = {"accounts": [account], "replacement_sets": {"ira": [{}]}}
    at: Any = content
    for part in path:
        at = _first_of(at) if part == "*" else at.setdefault(part, {})
    at["nonsense"] = 1
    with pytest.raises(ConfigurationInvalid, match="nonsense: found an unknown key"):
        parse_configuration(yaml.safe_dump(content), Path("accounts.yaml"))


def _first_of(block: Any) -> Any:
    return next(iter(block if isinstance(block, list) else block.values()))


def test_the_schema_closes_every_block_that_the_reader_closes() -> None:
    objects = [each for each in _within(SCHEMA) if "properties" in each and "type" in each]
    assert len(objects) > 10
    left_open = [each for each in objects if each.get("additionalProperties") is not False]
    assert [set(each["properties"]) for each in left_open] == [{"symbol", "allocation"}]


def _within(schema: object) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        yield schema
    for each in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from _within(each)


def test_a_setting_that_is_gone_is_refused_with_what_became_of_it() -> None:
    text = "accounts:\n- {account_id: DU1, strategy_name: a}\nretry:\n  jitter: false\n"
    with pytest.raises(ConfigurationInvalid, match=r"accounts.yaml:4:3: retry.jitter: is no setting any more"):
        parse_configuration(text, Path("accounts.yaml"))
