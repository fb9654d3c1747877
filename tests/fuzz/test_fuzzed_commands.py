"""Whatever is typed: a command ends with an exit status and words, never with a traceback, and nothing is connected."""

import json
import os
from collections.abc import Generator
from contextlib import chdir
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from starter.cli.main import app
from testbed.addresses import OWN_VARIABLES
from tests.cli.command import ACCOUNTS
from tests.fuzz.inputs import JSON, SCALARS, damaged, text_of

pytestmark = pytest.mark.fuzz

TALKING = ("run", "status", "history", "show", "retry", "approve", "positions", "cancel", "resolve", "check")
"""Commands that talk to Temporal, of which there is none here."""

SERVICES = ("up", "worker", "listen", "serve", "demo", "simulate")
"""Commands that go on until they are stopped: they get no argument list that they could take."""

OPTIONS = (
    "--live",
    "--wait",
    "--all",
    "--failed",
    "--since",
    "--yes",
    "--event-id",
    "--json",
    "--filled",
    "--not-placed",
    "--help",
    "--",
    "-x",
)
TOKENS = st.sampled_from(["DU1000001", "DU9", "rb-x-1-1", "0", "-1", "99999999999999999999", *OPTIONS]) | st.text(
    max_size=12
)
PORTFOLIO = {
    "cash": "1000",
    "prices": {"QQQ": "600", "BND": "75"},
    "positions": {"BND": 3},
    "targets": {"QQQ": "0.5", "BND": "0.5"},
}
PORTFOLIOS = st.fixed_dictionaries(
    {
        "cash": SCALARS,
        "prices": st.dictionaries(st.sampled_from(["QQQ", "BND", ""]), SCALARS, max_size=3) | JSON,
        "targets": st.dictionaries(st.sampled_from(["QQQ", "BND", "CASH"]), SCALARS, max_size=3) | JSON,
    },
    optional={"positions": st.dictionaries(st.just("BND"), SCALARS), "reserve_percent": SCALARS, "held_out": JSON},
)


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory: pytest.TempPathFactory) -> Generator[Path]:
    """A folder with a configuration, and an environment that names a server which is not there."""
    place = tmp_path_factory.mktemp("fuzz")
    (place / "accounts.yaml").write_text(ACCOUNTS, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch, chdir(place):
        for name in [name for name in os.environ if name.startswith(OWN_VARIABLES)]:
            patch.delenv(name)
        patch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
        patch.setenv("IBKR_PORT", "1")
        patch.setenv("XDG_CONFIG_HOME", str(place))
        yield place


def invoke(*arguments: str) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(app, list(arguments))


def ended_in_words(result: Result) -> None:
    """With an exit status; what went wrong is said in words."""
    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert result.exit_code in (0, 1, 2)
    assert "Traceback" not in result.output
    assert result.exit_code == 0 or result.output.strip()


@given(st.sampled_from(TALKING), st.lists(TOKENS, max_size=5))
def test_a_command_with_any_arguments_ends_in_words(command: str, arguments: list[str]) -> None:
    ended_in_words(invoke(command, *arguments))


@given(st.sampled_from(SERVICES), st.lists(TOKENS, max_size=3))
def test_a_service_with_arguments_it_cannot_take_ends_in_words(command: str, arguments: list[str]) -> None:
    result = invoke(command, "--no-such-option", *arguments)
    ended_in_words(result)


@given(st.text(max_size=12), st.lists(TOKENS, max_size=3))
def test_any_word_as_a_command_ends_in_words(command: str, arguments: list[str]) -> None:
    if command not in SERVICES:
        ended_in_words(invoke(command, *arguments))


@given(PORTFOLIOS.map(text_of) | damaged(json.dumps(PORTFOLIO)) | JSON.map(text_of))
def test_any_portfolio_is_planned_or_refused_in_words(portfolio: str) -> None:
    Path("portfolio.json").write_text(portfolio, encoding="utf-8", errors="surrogatepass")
    ended_in_words(invoke("plan", "--portfolio", "portfolio.json"))
    ended_in_words(invoke("plan", "--portfolio", "portfolio.json", "--json"))
