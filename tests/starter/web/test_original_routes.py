"""The original's curl lines as docs/reference/http.md has them, against ``up --simulated``; its answers' shapes."""

import asyncio
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from configuration.http_settings import DEFAULT_PORT
from rebalancing.triggers import ExecutionMode
from testbed.waiting import until
from tests.cli.command import desk, up
from tests.documentation.written_part import WRITTEN
from tests.faults.cell import leave_an_order
from tests.house import Holding, House, house
from tests.source_tree import ROOT
from tests.starter.web.api import TRADE, Api, api_of

SHAPES: dict[str, dict[str, Any]] = {
    "rebalance": {
        "account_id": str, "execution_mode": str, "equity_info": dict, "orders": list, "cancelled_orders": list,
        "status": str, "message": str, "timestamp": str,
    },
    "equity_info": {
        "total_equity": float, "reserve_percentage": float, "reserve_amount": float, "available_for_trading": float,
    },
    "order": {"symbol": str, "quantity": int, "action": str, "market_value": float},
    "cancelled_order": {
        "order_id": str, "symbol": str, "quantity": int, "action": str, "order_type": str, "status": str,
    },
    "account": {"account_id": str, "notification_channel": str, "allocations_url": str | None},
    "positions": {"account_id": str, "positions": list, "timestamp": str},
    "position": {"symbol": str, "position": float, "market_value": float, "avg_cost": float},
    "value": {"account_id": str, "net_liquidation": float, "timestamp": str},
    "health": {"status": str, "ibkr_connected": bool, "timestamp": str, "message": str},
}  # fmt: skip
"""The original's fields and what they hold."""


def check(shape: str, answer: dict[str, Any]) -> None:
    """Whether an answer has exactly the fields of the shape."""
    assert answer.keys() == SHAPES[shape].keys()
    assert {name: answer[name] for name, kind in SHAPES[shape].items() if not isinstance(answer[name], kind)} == {}


def curl_lines() -> list[str]:
    """The lines that ask without a token, of what the page says by hand."""
    text = (ROOT / "docs" / "reference" / "http.md").read_text(encoding="utf-8").partition(WRITTEN)[0]
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    return [line.partition("   #")[0].strip() for line in lines if line.startswith("curl ") and "Bearer" not in line]


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
async def test_the_originals_lines_work_as_they_stand(tmp_path: Path) -> None:
    lines = curl_lines()
    assert len(lines) == 3
    own = desk(tmp_path, accounts=None)
    answers: list[dict[str, Any]] = []
    async with up(own, "--simulated"):
        for line in lines:
            assert f"localhost:{DEFAULT_PORT}/" in line
            here = line.replace(f"localhost:{DEFAULT_PORT}/", f"localhost:{own.http_port}/")
            curl = await asyncio.create_subprocess_shell(
                f"{here} --silent --noproxy '*'", stdout=asyncio.subprocess.PIPE, cwd=tmp_path
            )
            answers.append(json.loads((await curl.communicate())[0]))
    accounts, dry_run, live = answers
    for account in accounts["accounts"]:
        check("account", account)
    for answer in (dry_run, live):
        check("rebalance", answer)
        check("equity_info", answer["equity_info"])
        assert answer["status"] == "success"
        assert answer["orders"]
        for order in answer["orders"]:
            check("order", order)
    assert (dry_run["execution_mode"], live["execution_mode"]) == (ExecutionMode.DRY_RUN, "live")


async def test_what_an_account_holds_and_is_worth(own: House, api: Api) -> None:
    told = (await api.client.get("/accounts/DU2/positions")).json()
    check("positions", told)
    (position,) = told["positions"]
    check("position", position)
    assert (position["symbol"], position["position"], position["market_value"]) == ("SPY", 10.0, 6700.0)
    assert position["avg_cost"] > 0
    worth = (await api.client.get("/accounts/DU2/value")).json()
    check("value", worth)
    assert worth["net_liquidation"] == 106_700.0


async def test_this_process_lives_and_the_gateway_is_told_of_besides(own: House, api: Api) -> None:
    told = (await api.client.get("/health")).json()
    check("health", told)
    assert (told["status"], told["ibkr_connected"]) == ("healthy", True)


async def test_money_adds_up_and_only_what_was_sent_is_told(own: House, api: Api) -> None:
    answer = (await api.client.post("/rebalance/DU2", json=TRADE, headers=api.as_("trader"))).json()
    equity = answer["equity_info"]
    assert equity["total_equity"] == pytest.approx(equity["reserve_amount"] + equity["available_for_trading"])
    assert equity["reserve_percentage"] == 1.0
    sent = {(order.symbol, order.quantity) for order in own.accepted_orders("DU2")}
    assert {(order["symbol"], order["quantity"]) for order in answer["orders"]} == sent


async def test_a_rebalance_that_fails_says_so_in_the_originals_way(looks_real: None, tmp_path: Path) -> None:
    guarded = Holding(more={"guards": {"maximum_order_value": 1}})
    async with house({"DU1": guarded}) as own, api_of(own, tmp_path, trust_loopback=True) as api:
        answer = await api.client.post("/rebalance/DU1", json=TRADE)
        check("rebalance", answer.json() | {"equity_info": {}})
        assert (answer.status_code, answer.json()["status"]) == (200, "error")
        assert "Nothing was traded" in answer.json()["message"]


async def test_the_working_orders_of_before_are_told_with_what_was_cancelled(looks_real: None, tmp_path: Path) -> None:
    async with house({"DU1": Holding()}, workers=0) as own, api_of(own, tmp_path, trust_loopback=True) as api:
        leave_an_order(own.gateway)
        async with own.working():
            would = (await api.client.post("/rebalance/DU1/dry-run")).json()
            did = (await api.client.post("/rebalance/DU1", json=TRADE)).json()
    for answer in (would, did):
        (cancelled,) = answer["cancelled_orders"]
        check("cancelled_order", cancelled)
        assert {**cancelled, "order_id": ""} == {
            "order_id": "", "symbol": "EDC", "quantity": 1, "action": "BUY", "order_type": "LMT", "status": "Submitted"
        }  # fmt: skip


async def test_an_account_that_is_not_configured_is_not_found(api: Api) -> None:
    for answer in (
        await api.client.post("/rebalance/DU9", json=TRADE, headers=api.as_("trader")),
        await api.client.get("/accounts/DU9/value"),
    ):
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
        problem = answer.json()
        assert (problem["error"], problem["status"], problem["title"]) == ("AccountUnknown", 404, "Not Found")
        assert "DU9 is not in the configuration, which has DU1, DU2" in problem["detail"]


async def test_health_tells_of_a_gateway_that_went_away_what_status_tells(tmp_path: Path) -> None:
    async with house({"DU1": Holding()}) as own, api_of(own, tmp_path) as api:

        async def connected() -> bool:
            """By ``/status``."""
            (gateway,) = (await api.client.get("/status")).json()["installation"]["gateways"]
            return gateway["connected"]

        async def is_away() -> bool:
            return not await connected()

        await until(connected)
        assert (await api.client.get("/health")).json()["ibkr_connected"] is True
        await own.gateway.__aexit__(None, None, None)
        await until(is_away)
        assert (await api.client.get("/health")).json()["ibkr_connected"] is False
