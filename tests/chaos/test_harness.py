"""The harness at work on the real processes: it finds nothing wrong, and finds it where something is."""

from pathlib import Path

import pytest

from chaos.findings import Kind
from chaos.run import run_chaos
from chaos.timeline import GatewayFault, MovePrices, Publish, Timed

pytestmark = pytest.mark.faults

CUT_OFF = GatewayFault("closed after an order", ({"action": "close_after", "match": {"request": "placeOrder"}},))
TIMELINE = (
    Timed(0.0, CUT_OFF),
    Timed(0.2, Publish("event-0", "momentum", live=True, weights={"QQQ": 0.6, "TLT": 0.4})),
    Timed(15.0, MovePrices({"QQQ": 1.001})),
)
"""The last step leaves time for a leg to be placed: healing ends what has not happened until then."""


async def test_orders_cut_off_from_their_answer_are_found_again_and_nothing_is_wrong(tmp_path: Path) -> None:
    report = await run_chaos(TIMELINE, 7, tmp_path)
    assert [each.text for each in report.violations] == []
    assert report.evidence.broker.orders


async def test_workers_that_do_not_look_before_they_place_are_found_out(tmp_path: Path) -> None:
    report = await run_chaos(TIMELINE, 7, tmp_path, careless=True)
    assert Kind.DUPLICATED in {each.kind for each in report.violations}
