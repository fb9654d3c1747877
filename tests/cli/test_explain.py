"""``rebalancer explain``: whatever a person meets leads to what it means and what to do."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from rebalancing.alerts import AlertKind
from rebalancing.errors import with_command
from rebalancing.outcomes import Phase
from starter.cli.main import app
from starter.desk.explain import explanations, failure_types
from tests.cli.command import desk
from tests.documentation.references import errors
from tests.house import Holding, failure_of, house, phase_reached

ASKING = Holding(more={"approval": {"required": "always"}})
TOO_DEAR = Holding(more={"guards": {"maximum_order_value": 1}})


def explain(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["explain", *arguments])


def entries(*arguments: str) -> list[dict[str, Any]]:
    return json.loads(explain(*arguments, "--json").stdout)


def test_every_type_of_failure_phase_and_alert_is_explained_and_says_what_to_do() -> None:
    known = [(each.kind, each.name) for each in explanations()]
    expected = [
        *(("failure", error.__name__) for error in errors()),
        *(("phase", phase.value) for phase in Phase),
        *(("alert", kind.value) for kind in AlertKind),
    ]
    assert sorted(known) == sorted(expected)
    assert [each.name for each in explanations() if not each.meaning or not each.do] == []


def test_the_modules_that_are_named_bring_every_type_that_the_code_has() -> None:
    assert failure_types() == errors()


@pytest.mark.parametrize("typed", ["QuoteStale", "quotestale"])
def test_a_failure_is_found_by_its_type(typed: str) -> None:
    (entry,) = entries(typed)
    assert (entry["name"], entry["kind"], entry["place"]) == (
        "QuoteStale",
        "failure",
        "docs/reference/errors.md#quotestale",
    )
    assert "Do: " in explain(typed).stdout


@pytest.mark.parametrize("typed", ["needs operator", "needs_operator", "Needs-Operator"])
def test_a_phase_and_an_alert_of_one_name_are_both_explained(typed: str) -> None:
    assert [entry["kind"] for entry in entries(*typed.split())] == ["phase", "alert"]


def test_without_a_name_everything_is_listed() -> None:
    listed = explain().stdout
    assert all(each.name in listed for each in explanations())


@pytest.mark.parametrize(
    ("typed", "says"), [("QuoteStal", "QuoteStale"), ("ZeroDivisionError", "defect"), ("x" * 999, "x")]
)
def test_an_unknown_name_is_refused_with_what_is_near(typed: str, says: str) -> None:
    answer = explain(typed)
    assert answer.exit_code == 2
    assert says in answer.stderr


def test_no_text_of_an_alert_leaves_a_template_open() -> None:
    assert [each.do for each in explanations() if "{" in each.do] == []


async def test_a_failure_and_a_refusal_end_with_the_command_that_explains_them(tmp_path: Path) -> None:
    async with house({"DU1": TOO_DEAR, "DU2": ASKING}) as own:
        operator = desk(tmp_path, **own.variables)
        failure = await failure_of(await own.trigger("DU1"))
        assert failure.message.endswith("More: rebalancer explain GuardBreached")
        failed = await operator.run("status", "DU1")
        assert "More: rebalancer explain GuardBreached" in " ".join(failed.output.split())
        await phase_reached(await own.trigger("DU2"), Phase.WAITING_FOR_APPROVAL)
        refused = await operator.run("approve", "DU2", "--plan-hash", "0123456789ab")
        assert refused.errors.rstrip().endswith("More: rebalancer explain OtherPlan")
        unknown = await operator.run("status", "DU9")
        assert unknown.errors.rstrip().endswith("More: rebalancer explain AccountUnknown")


@pytest.mark.parametrize(
    ("message", "kind", "told"),
    [
        ("It failed.", "QuoteStale", "It failed. More: rebalancer explain QuoteStale"),
        (
            "It failed. More: rebalancer explain QuoteStale",
            "OtherPlan",
            "It failed. More: rebalancer explain QuoteStale",
        ),
        ("Somebody else's failure.", None, "Somebody else's failure."),
        ("Somebody else's failure.", "", "Somebody else's failure."),
    ],
)
def test_a_message_ends_with_one_command_and_with_none_where_there_is_no_type(
    message: str, kind: str | None, told: str
) -> None:
    assert with_command(message, kind) == told
