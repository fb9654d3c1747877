"""The rebalance that the documents tell in pictures: what they say of it is so."""

from pathlib import Path

import pytest

from testbed.temporal_server import temporal_server
from testbed.waiting import until
from tests.operating.one_rebalance import ACCOUNT, SHALLOW, Scene, scene
from tests.operating.wire_log import SENT, WireLog
from tests.source_tree import ROOT


def told(wire: WireLog, name: str) -> list[str]:
    """What messages of this name were about, without the order's number, which another run need not have."""
    return [" ".join(w for w in line.about.split() if w[0] != "#") for line in wire.lines if line.name == name]


async def test_it_holds_still_at_each_moment_and_ends_as_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with temporal_server() as server, scene(tmp_path, monkeypatch, server) as played:
        await played.ask()
        assert told(played.wire, "tickPrice") == [], "the prices are asked for, and have not come"
        await played.plan()
        assert not orders(played)
        await played.sell()
        assert orders(played) == ["SELL 56 SPY LMT 669.32"]
        await until(lambda: f"Submitted {SHALLOW['SPY']}/56" in told(played.wire, "orderStatus"))
        await played.buy()
        assert orders(played)[1:] == ["BUY 397 BND LMT 75.09", "BUY 18 QQQ LMT 600.62"]
        await until(lambda: "TotalCashValue 41519.24" in told(played.wire, "accountSummary"))
        await played.end()
        result = await played.own.handle(ACCOUNT).result()
        assert told(played.wire, "accountSummary")[-1] == "TotalCashValue 940.04"
    assert result.outcome is not None
    assert result.outcome.cash is not None
    assert (f"{result.outcome.drift_before:.2f}", f"{result.outcome.drift:.2f}") == ("54.11", "0.59")
    assert round(result.outcome.cash.reserve) == 763


def orders(played: Scene) -> list[str]:
    """The orders that were sent."""
    assert all(line.arrow == SENT for line in played.wire.lines if line.name == "placeOrder")
    return told(played.wire, "placeOrder")


def test_the_page_shows_every_picture_of_it() -> None:
    page = (ROOT / "docs" / "one-rebalance.md").read_text(encoding="utf-8")
    pictures = {path.name for path in (ROOT / "docs" / "pictures").glob("one-rebalance-*.webp")}
    assert len(pictures) == 15
    assert {name for name in pictures if name not in page} == set()
    assert [name for name in pictures if (ROOT / "docs" / "pictures" / name).stat().st_size > 150_000] == []
