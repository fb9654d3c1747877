"""What is shipped for Prometheus and Grafana, taken apart."""

import json
import re
from pathlib import Path
from typing import Any, Final

import yaml

from tests.source_tree import ROOT

RULES_FILE: Final = ROOT / "deploy" / "prometheus" / "alerts.yaml"
PROMETHEUS_FILE: Final = ROOT / "deploy" / "prometheus" / "prometheus.yml"
DASHBOARDS: Final = sorted((ROOT / "deploy" / "grafana").glob("*.json"))

NAME: Final = re.compile(r"\b(?:rebalancer|temporal)_\w+")

TIMES: Final = {"$__rate_interval": "1m", "$__range": "10m"}
"""What Grafana puts in the place of its variables, for a test that lasts a minute."""


def rules() -> list[dict[str, Any]]:
    """The shipped alerts."""
    groups = yaml.safe_load(RULES_FILE.read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def write_quick_rules(folder: Path) -> Path:
    """The shipped rules, for a test that cannot wait: each fires as soon as it holds."""
    document = yaml.safe_load(RULES_FILE.read_text(encoding="utf-8"))
    for rule in (rule for group in document["groups"] for rule in group["rules"]):
        rule.pop("for", None)
    path = folder / "alerts.yaml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return path


def panels(dashboard: Path) -> list[dict[str, Any]]:
    """The panels of a dashboard that show something."""
    found = json.loads(dashboard.read_text(encoding="utf-8"))["panels"]
    return [panel for panel in found if panel["type"] != "row"]


def queries(dashboard: Path) -> dict[str, list[str]]:
    """The queries of each panel, by its title."""
    return {panel["title"]: [_timed(target["expr"]) for target in panel["targets"]] for panel in panels(dashboard)}


def shipped_queries() -> list[str]:
    """All that is asked anywhere."""
    return [rule["expr"] for rule in rules()] + [
        query for dashboard in DASHBOARDS for panel in queries(dashboard).values() for query in panel
    ]


def named() -> set[str]:
    """The names of series that are asked for."""
    return {name for query in shipped_queries() for name in NAME.findall(query)}


def _timed(query: str) -> str:
    for variable, time in TIMES.items():
        query = query.replace(variable, time)
    return query
