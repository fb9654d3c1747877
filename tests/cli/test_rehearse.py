"""``rebalancer rehearse``, with a simulated gateway as the real one: what is sent there, and what comes of it here."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from contract.names import WORKFLOW_TYPE
from simulator.gateway.scenario import SessionSetup
from tests.cli.command import Desk, desk
from tests.house import Holding, House, house

READS = {
    "reqAccountSummary", "reqAllOpenOrders", "reqCompletedOrders", "reqContractDetails", "reqCurrentTime",
    "reqExecutions", "reqIds", "reqMarketDataType", "reqMktData", "cancelMktData", "reqPositions",
}  # fmt: skip
"""What a reading may ask a gateway, none of which changes anything there."""

ACCOUNTS = """\
concurrency: {{settling_period: 0}}
accounts:
  - account_id: DU1
    strategy_name: blend
    {more}
    allocations: [{{symbol: QQQ, allocation: 0.5}}, {{symbol: BND, allocation: 0.5}}]
"""

DRIFTED = Holding(cash="20000", holdings={"SPY": 60, "QQQ": 10})


def operator_of(own: House, folder: Path, more: str = "enabled: true") -> Desk:
    """Somebody whose real installation is this house."""
    return desk(folder, ACCOUNTS.format(more=more), **own.variables)


async def nothing_but_reads(own: House) -> None:
    """Assert that the real gateway got reads only, and the real Temporal server no rebalance."""
    assert {request.name for request in own.gateway.requests} <= READS
    assert own.gateway.engine.orders == []
    assert (await own.client.count_workflows(f"WorkflowType = '{WORKFLOW_TYPE}'")).count == 0


async def rehearsed(operator: Desk, *options: str) -> tuple[int, dict[str, Any]]:
    """The exit status and what was told to programs."""
    answer = await operator.run("rehearse", "DU1", "--json", *options, timeout=110)
    assert answer.output, answer.errors
    return answer.status, json.loads(answer.output)


async def test_the_account_is_rebalanced_at_a_stand_in_and_nothing_but_read_at_the_real_gateway(
    tmp_path: Path,
) -> None:
    async with house({"DU1": DRIFTED}, breathing=0) as own:
        status, told = await rehearsed(operator_of(own, tmp_path))
        await nothing_but_reads(own)
        assert own.gateway.engine.accounts["DU1"].positions["SPY"] == 60
    (account,) = told["accounts"]
    assert (status, account["status"]) == (0, "completed")
    assert Decimal(account["drift_before"]) > 50
    assert Decimal(account["drift_after"]) < 1
    sold = [order for order in account["orders"] if order["side"] == "SELL"]
    assert [(order["symbol"], order["filled"]) for order in sold] == [("SPY", 60)]
    before = account["outcome"]["weights_before"]
    base = 20000 + 60 * 670 + 10 * 600
    assert float(before["QQQ"]) == pytest.approx(6000 / (base * 0.99), rel=0.02)
    assert {one["activity"] for one in told["sent_to_the_real_gateway"]} == {"read_snapshot"}
    assert told["mishaps"] == []


async def test_kills_and_lost_answers_double_nothing(tmp_path: Path) -> None:
    async with house({"DU1": DRIFTED}) as own:
        status, told = await rehearsed(operator_of(own, tmp_path), "--faults")
        await nothing_but_reads(own)
    (account,) = told["accounts"]
    assert (status, account["status"], told["duplicate_orders"]) == (0, "completed", 0)
    assert len(told["mishaps"]) >= 2
    assert Decimal(account["drift_after"]) < 1


async def test_a_closed_market_is_rehearsed_as_if_it_were_open_and_approval_is_given_and_told(tmp_path: Path) -> None:
    opens = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(hours=20)
    closed = SessionSetup(opens=opens, closes=opens + timedelta(hours=6))
    async with house({"DU1": DRIFTED}, hours="listed", sessions=(closed,)) as own:
        answer = await operator_of(own, tmp_path, "approval: always").run("rehearse", timeout=110)
        await nothing_but_reads(own)
    assert answer.status == 0, answer.errors
    told = " ".join(answer.output.split())
    assert f"not everything trades now, nor will before {opens:%Y-%m-%d %H:%M} UTC" in told
    assert "DU1: its plan waited for approval" in told
    assert "To the real gateway went 1 reading (read_snapshot) of DU1, and no order" in told


async def test_what_would_fail_fails_here_and_what_is_unknown_is_refused(tmp_path: Path) -> None:
    async with house({"DU1": DRIFTED}) as own:
        operator = operator_of(own, tmp_path, "guards: {maximum_turnover_percent: 1}")
        status, told = await rehearsed(operator)
        await nothing_but_reads(own)
        assert (status, told["accounts"][0]["status"]) == (1, "failed")
        assert "GuardBreached" in told["accounts"][0]["message"]
        unknown = await operator.run("rehearse", "DU7")
        assert (unknown.status, unknown.errors.count("\n")) == (2, 1)


async def test_a_live_cash_account_behind_a_named_gateway_with_what_is_not_managed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    holding = Holding(
        cash="20000",
        holdings={"SPY": 60, "GLD": 5},
        more={"type": "live", "gateway": "east"},
        books={
            "kind": "cash",
            "fractions": {"QQQ": "0.25"},
            "others": [{"symbol": "SAP", "sec_type": "STK", "quantity": "5", "value": "900", "currency": "EUR"}],
        },
    )
    accounts = ACCOUNTS.format(more="gateway: east\n    held_out: [GLD]").replace("DU1", "U1234567")
    async with house({"U1234567": holding}, workers=0) as own:
        monkeypatch.setenv("IBKR_EAST_PORT", str(own.gateway.port))
        async with own.working():
            operator = desk(tmp_path, accounts, **own.variables)
            answer = await operator.run("rehearse", "--json", timeout=110)
        await nothing_but_reads(own)
    assert answer.status == 0, answer.errors
    told = json.loads(answer.output)
    notes = " ".join(told["notes"])
    assert "GLD, held out" in notes
    assert "5 SAP STK" in notes
    assert Decimal(told["accounts"][0]["outcome"]["weights_before"]["QQQ"]) > Decimal("0.002")  # a quarter of a share
    assert {order["symbol"] for order in told["accounts"][0]["orders"]} == {"SPY", "QQQ", "BND"}
