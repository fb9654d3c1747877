"""Whatever stands in ``accounts.yaml``: a configuration, or the typed refusal that names file and problem."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from configuration.configuration import Configuration, ConfigurationInvalid, parse_configuration
from tests.fuzz.inputs import JSON, SCALARS, damaged
from tests.source_tree import ROOT

pytestmark = pytest.mark.fuzz

EXAMPLE = (ROOT / "accounts.example.yaml").read_text(encoding="utf-8")
ACCOUNTS = st.fixed_dictionaries(
    {"account_id": st.sampled_from(["U1234567", "DU1", "du1"]) | SCALARS, "strategy_name": st.just("a") | SCALARS},
    optional={
        "type": st.sampled_from(["paper", "live"]) | SCALARS,
        "enabled": SCALARS,
        "cash_reserve_percent": st.decimals(allow_nan=True).map(str) | SCALARS,
        "replacement_set": SCALARS,
        "rebalancing": JSON,
        "notification": JSON,
        "held_out": JSON,
        "allocations": st.fixed_dictionaries({}, optional={"url": SCALARS, "file": SCALARS, "weights": JSON}) | JSON,
    },
)
FILES = st.fixed_dictionaries(
    {"accounts": st.lists(ACCOUNTS, max_size=3) | JSON},
    optional={
        "retry": st.dictionaries(st.sampled_from(["base_delay", "max_delay", "multiplier"]), SCALARS),
        "concurrency": JSON,
        "replacement_sets": st.dictionaries(st.text(max_size=3), JSON, max_size=2) | JSON,
        "fill_timeout": SCALARS,
        "max_wait": SCALARS,
        "allocations": JSON,
    },
)


def accepted_or_refused(text: str) -> None:
    """Nothing but a configuration or a ``ConfigurationInvalid`` with words comes of it."""
    try:
        configuration = parse_configuration(text, Path("accounts.yaml"))
    except ConfigurationInvalid as error:
        refusal = error
    else:
        sound(configuration)
        return
    assert refusal.problems
    assert "accounts.yaml" in str(refusal)


def sound(configuration: Configuration) -> None:
    """It survives the way through Temporal, and names no account twice."""
    assert Configuration.model_validate_json(configuration.model_dump_json()) == configuration
    assert len({account.account_id for account in configuration.accounts}) == len(configuration.accounts)


@given(FILES | st.lists(ACCOUNTS, max_size=3))
def test_a_file_of_nearly_the_right_form_is_read_or_refused(content: object) -> None:
    accepted_or_refused(yaml.safe_dump(content, allow_unicode=True))


@given(damaged(EXAMPLE))
def test_the_example_with_damage_is_read_or_refused(text: str) -> None:
    accepted_or_refused(text)


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    accepted_or_refused(text)
