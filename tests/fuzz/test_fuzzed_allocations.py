"""Whatever the allocations API answers: weights that can be followed, or the typed refusal."""

from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebalancing.planner.plan import SUM_TOLERANCE
from rebalancing.targets import AllocationsInvalid, Replacement, Targets, apply_replacements, parse_allocations
from tests.fuzz.inputs import JSON, SCALARS, damaged, text_of

pytestmark = pytest.mark.fuzz

SYMBOLS = st.sampled_from(["QQQ", "BND", "qqq", " SPY ", "BRK B", "CASH", "", "ß"]) | SCALARS
WEIGHTS = st.sampled_from([0, 0.25, 0.5, 1, "0.5", 1.0000001, -0.5, "1e-400", "1_0", True]) | SCALARS
ENTRIES = st.fixed_dictionaries({"symbol": SYMBOLS, "allocation": WEIGHTS}) | JSON
ANSWERS = st.fixed_dictionaries(
    {
        "status": st.just("success") | SCALARS,
        "data": st.fixed_dictionaries(
            {"allocations": st.lists(ENTRIES, max_size=5) | JSON},
            optional={"as_of": SCALARS | st.datetimes().map(str), "last_rebalance_on": SCALARS, "name": SCALARS},
        )
        | JSON,
    }
)
SOUND = text_of({"status": "success", "data": {"allocations": [{"symbol": "QQQ", "allocation": 1.0}], "as_of": None}})


def can_be_followed(targets: Targets) -> None:
    """The weights add up, and survive the way through Temporal."""
    assert abs(sum(targets.weights.values()) - 1) <= SUM_TOLERANCE
    assert all(weight.is_finite() and 0 <= weight <= 1 for weight in targets.weights.values())
    assert Targets.model_validate_json(targets.model_dump_json()) == targets
    replaced = apply_replacements(targets.weights, [Replacement(source="QQQ", target="BND", scale=Decimal("0.3"))])
    assert all(weight.is_finite() and 0 <= weight <= 1 for weight in replaced.values())


@given(ANSWERS)
def test_an_answer_of_nearly_the_right_form_is_followed_or_refused(answer: object) -> None:
    with suppress(AllocationsInvalid):
        can_be_followed(parse_allocations("fuzz", text_of(answer)))


@given(damaged(SOUND) | st.text() | JSON.map(text_of))
def test_a_damaged_answer_is_followed_or_refused(answer: str) -> None:
    with suppress(AllocationsInvalid):
        can_be_followed(parse_allocations("fuzz", answer))


@given(st.binary() | damaged(SOUND).map(lambda text: text.encode(errors="surrogatepass")))
def test_bytes_are_followed_or_refused(answer: bytes) -> None:
    with suppress(AllocationsInvalid):
        can_be_followed(parse_allocations("fuzz", answer))
