"""What is shipped for Prometheus and Grafana asks for what there is, and says what to do."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import typer

from contract.metrics import ALL
from starter.cli.main import app
from tests.metrics.deployed import DASHBOARDS, named, panels, rules, shipped_queries
from tests.metrics.names_in_queries import LABELS, labels_in, series

COMMANDS = set(typer.main.get_command(app).commands)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownVariableType]


def test_no_query_asks_for_a_metric_of_ours_that_is_not_there() -> None:
    assert {name for name in named() if name.startswith("rebalancer_")} - series() == set()


def test_every_metric_of_ours_is_on_the_dashboard_or_in_a_rule() -> None:
    asked = named()
    unseen = [each.name for each in ALL if not any(name.startswith(each.shown) for name in asked)]
    assert unseen == []


def test_no_query_groups_by_a_label_that_is_not_there() -> None:
    assert labels_in(shipped_queries()) - LABELS == set()


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_an_alert_says_what_happened_and_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("critical", "warning")
    told = rule["annotations"]
    assert {"summary", "description"} == told.keys()
    commands = set(re.findall(r"`rebalancer ([a-z]+)", told["description"]))
    assert commands - COMMANDS == set()
    kept = set(re.findall(r"by \(([^)]*)\)", rule["expr"])[:1])
    labels = {label.strip() for by in kept for label in by.split(",")} | ({"instance", "job"} if not kept else set())
    assert set(re.findall(r"\$labels\.(\w+)", f"{told}")) <= labels


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda path: path.stem)
def test_a_dashboard_has_nothing_of_one_installation_in_it(dashboard: Path) -> None:
    text = dashboard.read_text(encoding="utf-8")
    assert re.findall(r"\bD?U\d{5,}|https?://", text) == []
    assert {target["datasource"]["uid"] for panel in panels(dashboard) for target in panel["targets"]} == {
        "${datasource}"
    }
    ids = [panel["id"] for panel in json.loads(text)["panels"]]
    assert len(set(ids)) == len(ids)
    for panel in panels(dashboard):
        where = panel["gridPos"]
        assert where["x"] + where["w"] <= 24, panel["title"]
