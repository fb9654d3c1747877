"""docs/metrics.md asks for what there is."""

import json
import re
from pathlib import Path
from typing import Final

import pytest

from contract.metrics import ALL
from tests.documentation.metrics_page import PAGE, QUERIES, SECTIONS
from tests.metrics.deployed import NAME
from tests.metrics.names_in_queries import LABELS, labels_in, series
from tests.metrics.prometheus import checked
from tests.source_tree import ROOT

BY_HAND: Final = re.compile(r"^\| [^|`]+ \| `([^`]+)`", re.MULTILINE)
"""The query in a row of the table of questions."""


def queries() -> list[str]:
    """All that the page has, those in its hand-written table too."""
    by_hand = [query for query in BY_HAND.findall((ROOT / PAGE).read_text(encoding="utf-8")) if "rebalancer_" in query]
    assert len(by_hand) >= 5
    return [*QUERIES.values(), *by_hand]


def test_every_metric_has_a_query_about_it() -> None:
    assert list(QUERIES) == [each.name for each in ALL]
    assert {name for name, query in QUERIES.items() if name not in query} == set()
    assert SECTIONS.keys() <= QUERIES.keys()


def test_no_query_asks_for_a_series_or_a_label_that_is_not_there() -> None:
    assert {name for query in queries() for name in NAME.findall(query)} - series() == set()
    assert labels_in(queries()) - LABELS == set()


@pytest.mark.prometheus
async def test_promtool_reads_every_query(tmp_path: Path) -> None:
    rules = [{"record": f"example:{number}", "expr": query} for number, query in enumerate(queries())]
    file = tmp_path / "rules.json"  # JSON is YAML
    file.write_text(json.dumps({"groups": [{"name": "page", "rules": rules}]}), encoding="utf-8")
    assert f"{len(rules)} rules found" in await checked("rules", str(file))
