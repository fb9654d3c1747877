"""The plan that docs/planner.md shows is what the command prints."""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from starter.cli.plan_offline import plan_offline
from tests.documentation.blocks import blocks
from tests.source_tree import ROOT

PORTFOLIO: Final[dict[str, Any]] = {
    "net_liquidation": "7047.50",
    "cash": "2500.00",
    "reserve_percent": 1.0,
    "positions": {"AAPL": 10, "BND": 20, "OLD": 20, "KEEP": 3},
    "fractions": {"AAPL": "0.25"},
    "held_out": ["KEEP"],
    "prices": {"AAPL": "190.00", "MSFT": "400.00", "BND": "75.00", "OLD": "55.00"},
    "targets": {"AAPL": 0.4, "BND": 0.25, "MSFT": 0.35},
}


def words(text: str) -> list[str]:
    """What is said, wherever lines end."""
    return [word for word in text.split() if set(word) != {"─"}]


def test_the_plan_is_printed_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "portfolio.json"
    file.write_text(json.dumps(PORTFOLIO), encoding="utf-8")
    plan_offline(file, False)
    (shown,) = [block for block in blocks("", "text", pages=[ROOT / "docs" / "planner.md"]) if "Plan on" in block.text]
    assert words(capsys.readouterr().out) == words(shown.text)
