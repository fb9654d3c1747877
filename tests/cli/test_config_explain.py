"""``rebalancer config explain`` and ``schema``: the configuration explains itself, and never shows a secret."""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml
from typer.testing import CliRunner, Result

from starter.cli.file_kinds import FileKind
from starter.cli.main import app
from starter.cli.schemas import schema_text
from tests.source_tree import ROOT

SECRET = "s3cr3t"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def explain(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["config", "explain", *arguments])


def entries(*arguments: str) -> list[dict[str, Any]]:
    return json.loads(explain(*arguments, "--json").stdout)


def test_a_key_is_explained_with_what_the_file_says_and_where(folder: Path) -> None:
    (folder / "accounts.yaml").write_text(
        "accounts:\n"
        "  - {account_id: DU1, strategy_name: blend}\n"
        "  - account_id: DU2\n"
        "    strategy_name: blend\n"
        "    tolerance_percent: 1.50\n"
    )
    told = explain("accounts.tolerance_percent").stdout
    assert "a number, at least 0, at most 100" in told
    assert "accounts.yaml:5: tolerance_percent: 1.50" in told
    assert "default: 0" in told


def test_an_old_file_that_is_only_a_list_is_explained_too(folder: Path) -> None:
    (folder / "accounts.yaml").write_text("- account_id: DU1\n  strategy_name: blend\n")
    (entry,) = entries("account_id")
    assert entry["written"] == [{"line": 1, "value": "DU1"}]


def test_a_name_of_ones_own_may_have_a_dot_in_it(folder: Path) -> None:
    (folder / "accounts.yaml").write_text(
        "accounts: [{account_id: DU1, strategy_name: blend, replacement_set: ira.2026}]\n"
        "replacement_sets:\n"
        "  ira.2026:\n"
        "    - {source: DBC, target: PDBC}\n"
    )
    (entry,) = entries("replacement_sets.target")
    assert entry["written"] == [{"line": 4, "value": "PDBC"}]


@pytest.mark.parametrize("key", ["order_policy", "accounts[].order_policy", "accounts.order_policy"])
def test_a_block_is_explained_with_the_keys_in_it(key: str) -> None:
    keys = [entry["key"] for entry in entries(key)]
    assert keys[0] == "accounts[].order_policy"
    assert "accounts[].order_policy.reprice_every" in keys


def test_a_name_that_stands_in_two_places_is_explained_for_both() -> None:
    assert [entry["key"] for entry in entries("tolerance_percent")] == [
        "accounts[].tolerance_percent",
        "figures.tolerance_percent",
    ]


def test_a_name_by_itself_does_not_mean_keys_that_only_end_so() -> None:
    assert explain("cale").exit_code == 2
    assert [entry["key"] for entry in entries("scale")] == ["replacement_sets.<name>[].scale"]


@pytest.mark.parametrize(("typed", "meant"), [("tolerence_percent", "tolerance_percent"), ("max_wiat", "max_wait")])
def test_a_key_that_is_misspelt_is_refused_with_the_one_that_may_be_meant(typed: str, meant: str) -> None:
    refused = explain(typed)
    assert refused.exit_code == 2
    assert meant in refused.stderr


@pytest.mark.parametrize("typed", ["", ".", "[", "(", "a" * 10_000, "<name>", "\x00"])
def test_nonsense_is_refused_in_words(typed: str) -> None:
    refused = explain(typed)
    assert refused.exit_code == 2
    assert "has no key" in refused.stderr


def test_an_address_with_a_password_in_it_is_shown_by_its_host_alone(folder: Path) -> None:
    (folder / "accounts.yaml").write_text(
        f"accounts: [{{account_id: DU1, strategy_name: a, allocations: {{url: 'https://u:{SECRET}@e.org/{SECRET}'}}}}]\n"
    )
    for arguments in (("allocations",), ("accounts",), ("url",), ("allocations.url",)):
        shown = explain(*arguments).output + explain(*arguments, "--json").output
        assert SECRET not in shown
    assert "e.org" in explain("url").stdout


@pytest.mark.parametrize("text", ["accounts: [", "a: 1\na: 2\n", "- !!python/none x\n"])
def test_a_file_that_is_no_yaml_is_named_in_words(folder: Path, text: str) -> None:
    (folder / "accounts.yaml").write_text(text)
    refused = explain("seals")
    assert refused.exit_code == 2
    assert "rebalancer check" in refused.stderr


def test_without_a_key_all_are_listed() -> None:
    listed = explain().stdout
    assert "circuit_breaker.failures" in listed
    assert "Usage" not in listed


def validated(kind: FileKind, content: object) -> None:
    jsonschema_rs.validator_for(json.loads(schema_text(kind))).validate(content)


def test_the_shipped_files_are_what_their_schemas_say() -> None:
    for file in (ROOT / "accounts.example.yaml", ROOT / "starter" / "cli" / "accounts.simulated.yaml"):
        validated(FileKind.ACCOUNTS, yaml.safe_load(file.read_text(encoding="utf-8")))
    scenarios = list((ROOT / "simulator").rglob("scenarios/*.yaml"))
    assert scenarios
    for file in scenarios:
        validated(FileKind.SCENARIO, yaml.safe_load(file.read_text(encoding="utf-8")))


@pytest.mark.parametrize("kind", FileKind)
def test_a_schema_takes_no_unknown_key_and_says_what_every_key_is(kind: FileKind) -> None:
    with pytest.raises(jsonschema_rs.ValidationError, match="nonsense"):
        validated(kind, {"nonsense": 1})
    shown = CliRunner().invoke(app, ["schema", kind.value]).stdout
    assert shown == schema_text(kind)
    schema = json.loads(shown)
    objects = [schema, *schema.get("$defs", {}).values()]
    mute = [
        name
        for each in objects
        for name, field in each.get("properties", {}).items()
        if not {"description", "$ref"} & set(field)
    ]
    assert set(mute) <= {"symbol", "allocation"}
