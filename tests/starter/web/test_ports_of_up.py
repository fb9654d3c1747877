"""No web page starts or changes anything through any port that ``rebalancer up`` opens, the server's own included."""

import asyncio
import json
from pathlib import Path

import httpx

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
