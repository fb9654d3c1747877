"""No web page starts or changes anything through any port that ``rebalancer up`` opens, the server's own included."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import httpx

from contract.delivery import deliver
from rebalancing.triggers import ExecutionMode, Trigger
from tests.cli.command import desk, up
from tests.starter.web.opened_ports import on_linux, opened_by
from worker.temporal import connect_embedded

ACCOUNT = "DU1000001"
PAGE = {"Origin": "https://example.com", "Content-Type": "text/plain"}
"""What a page can send to another site without asking it first (a simple request)."""

START = f"/api/v1/namespaces/default/workflows/rebalance-{ACCOUNT}"
TRIGGER = json.dumps(
    {
        "workflowType": {"name": "RebalanceAccount"},
        "taskQueue": {"name": "rebalances"},
        "input": [{"account": ACCOUNT, "triggers": []}],
    }
)
"""What Temporal's HTTP API takes for the start of a rebalance, whatever it is called by."""

pytestmark = on_linux


async def asked_by_a_page(port: int) -> int | None:
    """The status of a page's request at this port; ``None`` where no HTTP is spoken."""
    async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
        try:
            return (await client.post(f"http://127.0.0.1:{port}{START}", content=TRIGGER, headers=PAGE)).status_code
        except httpx.HTTPError:
            return None


async def test_a_pages_request_to_any_port_starts_nothing(tmp_path: Path) -> None:
    own = desk(tmp_path)
    async with up(own, "--simulated") as process:
        temporal = await connect_embedded(own.variables["TEMPORAL_ADDRESS"])
        ports = sorted(opened_by(process.pid))
        assert {own.port, own.http_port} <= set(ports)
        answers = dict(zip(ports, await asyncio.gather(*map(asked_by_a_page, ports)), strict=True))
        assert 403 in answers.values(), answers
        assert [status for status in answers.values() if status is not None and status < 400] == []
        assert (await temporal.count_workflows("WorkflowType = 'RebalanceAccount'")).count == 0


async def test_another_user_at_the_servers_port_gets_a_dry_run_for_what_should_trade(tmp_path: Path) -> None:
    own = desk(tmp_path)
    async with up(own, "--simulated"):
        temporal = await connect_embedded(own.variables["TEMPORAL_ADDRESS"])
        trigger = Trigger(
            account=ACCOUNT, event_id="e1", mode=ExecutionMode.REBALANCE, source="cli", requested_at=datetime.now(UTC)
        )
        await deliver(temporal, trigger)
        answer = await own.run("status", ACCOUNT, "--json")
        while json.loads(answer.output)["accounts"][0]["running"]:
            answer = await own.run("status", ACCOUNT, "--json")
        shown = json.loads((await own.run("history", ACCOUNT, "--json")).output)["runs"]
        assert [(run["mode"], run["phase"]) for run in shown] == [("dry_run", "completed")], shown
