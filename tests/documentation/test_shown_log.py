"""The lines of the log that a page shows are lines that a rebalance writes."""

import re
from pathlib import Path

import httpx

from testbed.waiting import until
from tests.cli.command import desk, service
from tests.documentation.blocks import blocks
from tests.source_tree import ROOT
from worker.free_ports import free_ports

PAGE = ROOT / "docs" / "when-things-go-wrong.md"

VARIES = (
    (r"\d\d:\d\d:\d\d", "TIME"),
    (r"rb-[0-9a-f]{20}-(\d+)-(\d+)-[0-9a-f]{8}", r"rb-RUN-\1-\2"),
    (r"run [0-9a-f]{8}", "run RUN"),
)
"""What is another with every run."""


def without_what_varies(line: str) -> str:
    for pattern, word in VARIES:
        line = re.sub(pattern, word, line)
    return line.rstrip()


async def test_the_lines_that_are_shown_are_written_by_a_rebalance(tmp_path: Path) -> None:
    (shown,) = (block.text for block in blocks("text", pages=[PAGE]) if " INFO " in block.text)
    port, ui_port, http_port = free_ports(3)
    own = desk(tmp_path, None, TEMPORAL_ADDRESS=f"127.0.0.1:{port}")  # by the accounts that come along
    ports = ("--port", str(port), "--ui-port", str(ui_port), "--http-port", str(http_port))
    async with service(own, "up", "--simulated", *ports) as told, httpx.AsyncClient(trust_env=False) as client:
        await told.until("connected to the gateway")
        asked = f"http://127.0.0.1:{http_port}/rebalance/DU1000001"
        live, event = {"execution_mode": "rebalance"}, {"Idempotency-Key": "may-rebalance"}
        await client.post(asked, json=live, headers=event, timeout=60)
        await until(lambda: "completed" in told.errors)
    written = {without_what_varies(line) for line in told.errors.splitlines()}
    assert [line for line in shown.splitlines() if without_what_varies(line) not in written] == []
