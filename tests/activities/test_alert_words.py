"""What alerts say: every kind, its bounds, and words of one's own."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from activities.alerts.words import LONGEST_TEXT, LONGEST_TITLE, AlertWords, TemplateBroken
from configuration.alert_settings import AlertSettings
from configuration.alert_templates import read_templates
from contract.alerts import Alert
from contract.run_summary import RunSummary
from rebalancing.alerts import ALERTS, AlertKind
from rebalancing.outcomes import Phase
from rebalancing.triggers import ExecutionMode

AT = datetime(2026, 11, 24, 14, 30, tzinfo=UTC)

RUN = RunSummary(
    phase=Phase.COMPLETED,
    mode=ExecutionMode.REBALANCE,
    drift_before=Decimal("12.346"),
    drift_after=Decimal("0.4"),
    orders=5,
    traded=Decimal("12345.6"),
    slippage=Decimal("-1.5"),
    commissions=Decimal(5),
    started_at=AT,
    finished_at=AT,
)


def alert(kind: AlertKind, **more: object) -> Alert:
    """An alert about DU1, with these fields besides."""
    return Alert.model_validate({"alert_id": "alert-x", "kind": kind, "at": AT, "account": "DU1", **more})


def test_every_kind_has_a_row_and_an_alert_of_which_nothing_is_known_can_be_told() -> None:
    assert set(ALERTS) == set(AlertKind)
    for kind in AlertKind:
        message = AlertWords(AlertSettings()).message((alert(kind, subject="the gateway"),))
        assert message.title
        assert "{{" not in message.title + message.text


def test_what_completed_tells_drift_before_and_after_and_what_it_cost() -> None:
    message = AlertWords(AlertSettings()).message((alert(AlertKind.COMPLETED, strategy="blend", run=RUN),))
    assert message.title == "DU1: rebalanced, drift 12.35 % → 0.40 %"
    assert message.text == (
        "It follows blend. 5 orders, 12,345.60 USD traded, 5.00 USD commissions, slippage -1.50 USD.\n"
        "Do this: rebalancer show DU1"
    )


def test_what_needs_a_person_brings_the_command() -> None:
    asked = alert(AlertKind.NEEDS_APPROVAL, plan_hash="abcd1234", until=AT, detail="3 orders")
    message = AlertWords(AlertSettings()).message((asked,))
    assert message.title == "DU1: a plan waits for your approval"
    assert "rebalancer approve DU1 --plan-hash abcd1234" in message.text
    assert "until 2026-11-24 14:30 UTC" in message.text
    assert message.is_urgent


def test_no_alert_tells_a_tired_operator_to_trade_without_a_condition() -> None:
    for kind in AlertKind:
        told = AlertWords(AlertSettings()).message((alert(kind, subject="weekly", run=RUN),)).text
        do = told.partition("Do this: ")[2]
        assert "--live" not in do or "only if" in do, kind


def test_what_was_terminated_says_that_orders_may_be_at_work() -> None:
    words = AlertWords(AlertSettings())
    assert "orders of it may still be at work" in words.message((alert(AlertKind.FAILED, reason="x"),)).text
    assert "may still be at work" not in words.message((alert(AlertKind.FAILED, run=RUN),)).text


def test_a_plan_that_waits_is_not_looked_at_by_another_dry_run() -> None:
    told = AlertWords(AlertSettings()).message((alert(AlertKind.NEEDS_APPROVAL, plan_hash="abcd1234"),))
    assert "rebalancer plan" not in told.text


def test_an_alert_about_a_run_links_to_it() -> None:
    settings = AlertSettings(temporal_ui_url="http://127.0.0.1:8233/", dashboard_url="http://desk")
    told = alert(AlertKind.FAILED, workflow_id="rebalance-DU1", run_id="r-1", reason="x")
    lines = AlertWords(settings).message((told,)).text.splitlines()
    assert lines[-1] == "http://127.0.0.1:8233/namespaces/default/workflows/rebalance-DU1/r-1/history"
    assert AlertWords(settings).message((alert(AlertKind.LISTENER_BACK),)).text.endswith("http://desk")


def test_what_comes_from_elsewhere_is_bounded_stays_on_its_line_and_is_no_template() -> None:
    hostile = "{{ run }}\nDo this: rebalancer resume\r\x1b[31m" + "x" * 5000
    message = AlertWords(AlertSettings()).message((alert(AlertKind.FAILED, reason=hostile, run=RUN),))
    assert len(message.text) <= LONGEST_TEXT
    reason, *rest = message.text.splitlines()
    assert reason.startswith("Reason: {{ run }} Do this: rebalancer resume [31mxxx")
    assert rest[-1] == "Do this: rebalancer show DU1, mend the cause, then rebalancer retry DU1"


def test_a_digest_is_one_message_of_bounded_length() -> None:
    many = tuple(alert(AlertKind.STARTED, account=f"DU{number}") for number in range(200))
    message = AlertWords(AlertSettings()).message(many, is_digest=True)
    assert message.title == "Rebalancer: 200 messages (times in UTC)"
    assert message.text.startswith("- Tue 14:30: DU0: rebalance started\n- Tue 14:30: DU1: ")
    assert len(message.text) <= LONGEST_TEXT
    listed = message.text.count("- Tue")
    assert f"and {200 - listed} more" in message.text


def test_words_of_ones_own_take_the_place_of_the_built_in_ones(tmp_path: Path) -> None:
    (tmp_path / "completed.txt").write_text("{{ account }} fertig\nDrift {{ run.drift_after | percent }}\n{{ do }}\n")
    words = AlertWords(AlertSettings(), read_templates(str(tmp_path)).texts)
    message = words.message((alert(AlertKind.COMPLETED, run=RUN),))
    assert (message.title, message.text) == ("DU1 fertig", "Drift 0.40 %\nrebalancer show DU1")
    words.check(AlertKind.COMPLETED)


@pytest.mark.parametrize(
    "broken",
    ["{{ account", "{{ nothing }}", "{{ 1 / 0 }}", "", "{{ run.__class__.mro() }}", "{% for x in 1 %}{% endfor %}"],
)
def test_a_broken_template_is_told_and_loses_no_alert(broken: str, tmp_path: Path) -> None:
    (tmp_path / "started.txt").write_text(broken)
    words = AlertWords(AlertSettings(), read_templates(str(tmp_path)).texts)
    assert words.message((alert(AlertKind.STARTED),)).title == "DU1: rebalance started"
    with pytest.raises(TemplateBroken, match=r"started\.txt"):
        words.check(AlertKind.STARTED)


def test_a_folder_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    assert "cannot be read" in read_templates(str(tmp_path / "none")).problems[0]
    (tmp_path / "compleded.txt").write_text("x")
    (tmp_path / "failed.txt").write_bytes(b"\xff")
    (tmp_path / "slow.txt").write_text("x" * 20_000)
    own = read_templates(str(tmp_path))
    assert own.texts == {}
    assert [problem.split(":")[0] for problem in own.problems] == ["compleded.txt", "failed.txt", "slow.txt"]


def test_a_title_is_short() -> None:
    message = AlertWords(AlertSettings()).message((alert(AlertKind.HALTED, subject="y" * 1000),))
    assert len(message.title) == LONGEST_TITLE


def test_what_a_stand_in_did_says_so() -> None:
    words = AlertWords(AlertSettings(), is_simulated=True)
    assert words.message((alert(AlertKind.STARTED),)).title == "SIMULATED: DU1: rebalance started"
    assert words.message((alert(AlertKind.STARTED),), is_digest=True).title.startswith(
        "SIMULATED: Rebalancer: 1 message "
    )
