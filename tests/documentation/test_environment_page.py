"""docs/reference/environment.md has every variable that is read, and examples that can be written."""

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from temporalio.envconfig import ClientConfig

from configuration.environment import TEMPORAL_VARIABLES, Connections, alert_address
from configuration.variables import Variable
from tests.documentation.environment_page import DEFAULTS, DETAILS, EXAMPLES, READ_ALONE, of_models
from tests.source_tree import APPLICATION, ROOT

MODELLED = {each.name: each for each in of_models()}

WRITTEN_OR_WHOLE = {
    ("configuration/environment.py", "os.environ.items()"),  # what begins as Temporal's
    ("contract/tracing.py", "os.environ.get(each.name)"),  # of its VARIABLES
    ("starter/cli/main.py", "os.environ['REBALANCER_KEY_ID']"),  # set, for Connections to read
    ("starter/cli/env.py", "os.environ.get(each)"),  # compared with what it prints
}
"""Where the environment is used otherwise than to read a variable by its name."""


def uses() -> Iterator[tuple[str, ast.expr, str]]:
    """Every use of the environment: the file, the variable's name as it is written there, and all of it."""
    for path in (path for package in APPLICATION for path in sorted((ROOT / package).rglob("*.py"))):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv", "environb"):
                whole: Any = node
                while isinstance(parents[whole], ast.Attribute):
                    whole = parents[whole]
                whole = parents[whole] if isinstance(parents[whole], ast.Call | ast.Subscript) else whole
                named = whole.args[0] if isinstance(whole, ast.Call) and whole.args else whole
                yield path.relative_to(ROOT).as_posix(), named, ast.unparse(whole)


def test_no_variable_is_read_that_the_page_does_not_have() -> None:
    known = {each.name for each in READ_ALONE}
    found = set[str]()
    for file, named, whole in uses():
        if (file, whole) in WRITTEN_OR_WHOLE:
            continue
        module = importlib.import_module(file.removesuffix(".py").replace("/", "."))
        name = eval(ast.unparse(named), vars(module))  # an expression of our own source
        assert name in known, (file, whole)
        found.add(name)
    assert len(found) >= 2


def test_every_use_that_is_no_reading_is_still_there() -> None:
    assert {(file, whole) for file, _, whole in uses()} >= WRITTEN_OR_WHOLE


def test_no_module_takes_the_environment_by_another_name() -> None:
    taken = {
        each.name
        for package in APPLICATION
        for path in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module == "os"
        for each in node.names
    }
    assert taken & {"environ", "environb", "getenv"} == set()


@pytest.mark.parametrize("variable", [*MODELLED.values(), *READ_ALONE, *TEMPORAL_VARIABLES], ids=lambda each: each.name)
def test_every_variable_says_what_it_is(variable: Variable) -> None:
    assert all(variable)


def test_words_about_variables_belong_to_some_that_there_are() -> None:
    assert EXAMPLES.keys() == MODELLED.keys()
    assert DEFAULTS.keys() <= MODELLED.keys()
    assert DETAILS.keys() <= MODELLED.keys() | {each.name for each in READ_ALONE}


def test_every_example_can_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, example in EXAMPLES.items():
        variable, _, value = example.partition("=") if "<" in name else (name, "", example)
        monkeypatch.setenv(variable, value)
    read = Connections()
    assert [name for name in Connections.model_fields if name not in read.model_dump(exclude_defaults=True)] == []
    assert (read.gateway("east").host, read.gateway("east").port) == ("10.0.0.6", 4003)
    assert alert_address("phone")


@pytest.mark.parametrize("variable", TEMPORAL_VARIABLES, ids=lambda each: each.name)
def test_temporals_library_knows_each_of_its_own(variable: Variable, tmp_path: Path) -> None:
    file = tmp_path / "temporal.toml"
    file.write_text('[profile.production]\naddress = "elsewhere:7233"\n', encoding="utf-8")
    needed = {"TEMPORAL_CONFIG_FILE": str(file), "TEMPORAL_PROFILE": "production"}
    others = {name: value for name, value in needed.items() if name != variable.name} if variable.name in needed else {}
    own = needed.get(variable.name, variable.example)
    with_it, without = ({**others, variable.name: own}, others)
    assert loaded(with_it) != loaded(without)


def loaded(variables: dict[str, str]) -> str:
    """What the library makes of them."""
    try:
        return repr(ClientConfig.load_client_connect_config(override_env_vars=variables))
    except (OSError, RuntimeError, ValueError) as error:
        return repr(error)
