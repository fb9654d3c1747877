"""Every block with ``curl`` in the documents, typed as it stands in the order of its page at ``up --simulated``.

An empty home has a ``.curlrc`` that leads what goes to port 8000 to where that ``up`` listens; Ably's address becomes
that of its stand-in. A block that its page begins with "Where …" may be answered that it is not so (404, 409).
"""

import json
import re
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import httpx
import pytest

from simulator.ably.server import SimulatedAbly
from tests.cli.command import Answer, Desk, desk, typed, up
from tests.documentation.blocks import PAGES, Block, blocks
from tests.documentation.typed_lines import SHELL

OURS: Final = "http://localhost:8000"
ABLY: Final = "https://main.realtime.ably.net"

CURLRC: Final = 'noproxy = "*"\nsilent\nshow-error\nmax-time = 60\nwrite-out = "%{stderr}HTTP %{http_code}\\n"\n'

OF_THE_READER: Final = "DU7654321"
"""An account of the reader's own; ``up --simulated`` has this one in its place."""

INSTEAD: Final = "DU1000003"

NOT_SO: Final = {404, 409}
"""Answers where something is not as the page presupposes."""

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


def with_curl(page: Path, address: str) -> list[Block]:
    """The blocks in which this address is asked."""
    own = blocks(*SHELL, pages=[page])
    return [block for block in own if re.search(r"\bcurl ", block.text) and address in block.text]


def pages_with(address: str) -> list[Path]:
    return [page for page in PAGES if with_curl(page, address)]


def may_be_otherwise(block: Block) -> bool:
    """Whether the line above the block begins with a condition."""
    above = block.page.read_text(encoding="utf-8").splitlines()[: block.line - 1]
    return next((line for line in reversed(above) if line), "").startswith("Where ")


@asynccontextmanager
async def at_home(folder: Path) -> AsyncGenerator[tuple[Desk, httpx.AsyncClient]]:
    """An empty home where ``up --simulated`` runs, and a client that prepares what a page presupposes."""
    own = desk(folder, None)
    async with up(own, "--simulated"):
        base = f"http://127.0.0.1:{own.http_port}"
        async with httpx.AsyncClient(base_url=base, trust_env=False, timeout=60) as client:
            (folder / ".curlrc").write_text(f'{CURLRC}connect-to = "localhost:8000:127.0.0.1:{own.http_port}"\n')
            yield own, client


async def prepare(client: httpx.AsyncClient, text: str) -> None:
    """Bring about what some of the examples presuppose, where that is cheap."""
    asked = re.search(r"/accounts/(DU100000[46])/(?:approve|reject|retry)", text)
    if asked:  # of these two the one waits for a yes, the other is stopped by its guard
        await client.post(f"/rebalance/{asked[1]}", json={"execution_mode": "rebalance"})
    if "PUT" in text:
        await client.delete("/schedules/weekly")
    elif "/schedules/weekly" in text:
        weekly = {"account": "DU1000001", "cron": "30 10 * * MON", "timezone": "America/New_York"}
        await client.put("/schedules/weekly", json=weekly)


def statuses_of(block: Block, answer: Answer) -> list[int]:
    """What each ``curl`` of a block was answered."""
    found = [int(status) for status in re.findall(r"^HTTP (\d+)$", answer.errors, re.MULTILINE)]
    assert (answer.status, len(found)) == (0, len(re.findall(r"\bcurl ", block.text))), f"{block.name}: {answer}"
    return found


@pytest.mark.timeout(300)  # a page may have fifty
@pytest.mark.parametrize("page", pages_with(OURS), ids=lambda page: page.name)
async def test_what_the_http_api_is_asked_is_answered(page: Path, tmp_path: Path) -> None:
    async with at_home(tmp_path) as (own, client):
        for block in with_curl(page, OURS):
            await prepare(client, block.text)
            answer = await typed(own, block.text.replace(OF_THE_READER, INSTEAD))
            wrong = {status for status in statuses_of(block, answer) if not 200 <= status < 300}
            assert not wrong or (may_be_otherwise(block) and wrong <= NOT_SO), f"{block.name}: {answer}"


@pytest.mark.parametrize("page", pages_with(ABLY), ids=lambda page: page.name)
async def test_what_ably_is_to_publish_is_published(page: Path, tmp_path: Path) -> None:
    (tmp_path / ".curlrc").write_text(CURLRC)
    async with SimulatedAbly() as ably, httpx.AsyncClient(trust_env=False) as client:
        own = desk(tmp_path, None, PUBLISHER_KEY=ably.key)
        name, _, secret = ably.key.partition(":")
        for block in with_curl(page, ABLY):
            text = block.text.replace(ABLY, f"http://127.0.0.1:{ably.port}")
            assert statuses_of(block, await typed(own, text)) == [201]
            (address,) = re.findall(r"http://\S+/messages", text)
            published = (await client.get(address, auth=(name, secret))).json()
            assert [json.loads(each["data"]) for each in published] == [{"execution": "rebalance"}]


def test_every_block_is_for_the_one_or_the_other() -> None:
    every = [block for page in PAGES for block in with_curl(page, "")]
    assert [block.name for block in every if (OURS in block.text) is (ABLY in block.text)] == []
