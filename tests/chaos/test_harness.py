"""The harness at work on the real processes: it finds nothing wrong, and finds it where something is."""

from decimal import Decimal
from pathlib import Path

import pytest

from chaos.doors import ForeignRun, MarketClosing, PowerCut, PriceShock, SecondInstallation, Takeover
from chaos.findings import Kind
from chaos.run import run_chaos
from chaos.timeline import STRATEGIES, GatewayFault, MovePrices, Publish, Timed

pytestmark = pytest.mark.faults

CUT_OFF = GatewayFault("closed after an order", ({"action": "close_after", "match": {"request": "placeOrder"}},))
TIMELINE = (
    Timed(0.0, CUT_OFF),
    Timed(0.2, Publish("event-0", "momentum", live=True, weights={"QQQ": 0.6, "TLT": 0.4})),
    Timed(15.0, MovePrices({"QQQ": 1.001})),
)
"""The last step leaves time for a leg to be placed: healing ends what has not happened until then."""

EVENTS = tuple(
    Timed(0.5 + 4.0 * number, Publish(f"event-{number}", STRATEGIES[number % 4], live=True, weights=weights))
    for number, weights in enumerate(({"QQQ": 0.6, "TLT": 0.4}, {"SPY": 0.5, "GLD": 0.5}) * 4)
)
DOORS = (
    Timed(1.5, ForeignRun("schedule", 0, 1)),
    Timed(2.0, ForeignRun("others_id", 2, 3)),
    Timed(2.5, ForeignRun("bad_signal", 4, 5)),
    Timed(3.0, ForeignRun("bad_start", 6, 7)),
    Timed(4.0, PriceShock({"QQQ": 1.05, "SPY": 0.96}, "at_order")),
    Timed(5.0, SecondInstallation(15.0, account=8)),
    Timed(6.0, Takeover(1.0)),
    Timed(12.0, MarketClosing()),
    Timed(36.0, PowerCut(3.0, new_day=False)),
    Timed(48.0, PowerCut(3.0, new_day=True)),
)
"""Each way around the application once, with time for it."""


@pytest.mark.timeout(400)  # a market is closed for a whole minute, from the next one on
async def test_every_door_is_opened_and_nothing_goes_wrong_by_it(tmp_path: Path) -> None:
    timeline = sorted((*EVENTS, *DOORS), key=lambda timed: timed.at)
    report = await run_chaos(timeline, 7, tmp_path)
    assert [each.text for each in report.violations] == []
    assert report.faults == len(DOORS)
    evidence = report.evidence
    assert evidence.takeovers == 1
    first, second = evidence.losses
    assert first.back_at < second.copied_at < evidence.new_days[0] < second.back_at
    assert any("-20" in run.account and "by the workflow" in run.failure for run in evidence.runs)
    at_hand = [price for _, prices in evidence.prices.entries for symbol, price in prices.items() if symbol == "QQQ"]
    assert max(at_hand) > Decimal(640)
    assert "started for second-1" in (tmp_path / "second-worker.log").read_text(encoding="utf-8")


async def test_orders_cut_off_from_their_answer_are_found_again_and_nothing_is_wrong(tmp_path: Path) -> None:
    report = await run_chaos(TIMELINE, 7, tmp_path)
    assert [each.text for each in report.violations] == []
    assert report.evidence.broker.orders


async def test_workers_that_do_not_look_before_they_place_are_found_out(tmp_path: Path) -> None:
    report = await run_chaos(TIMELINE, 7, tmp_path, careless=True)
    assert Kind.DUPLICATED in {each.kind for each in report.violations}
