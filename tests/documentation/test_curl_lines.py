"""Every block with ``curl`` in the documents, typed as it stands in the order of its page at ``up --simulated``.

An empty home has a ``.curlrc`` that leads what goes to port 8000 to where that ``up`` listens; Ably's address becomes
that of its stand-in. What `make reference` writes into docs/reference/http.md is typed by ``test_http_page.py``.
"""

import json
import re
import shutil
from pathlib import Path
from typing import Final

import httpx
import pytest

from simulator.ably.server import SimulatedAbly
from tests.cli.command import Answer, desk, typed, up
from tests.documentation.blocks import PAGES, Block, blocks
from tests.documentation.typed_lines import SHELL
from tests.documentation.written_part import END, WRITTEN

OURS: Final = "http://localhost:8000"
ABLY: Final = "https://main.realtime.ably.net"

CURLRC: Final = 'noproxy = "*"\nsilent\nshow-error\nmax-time = 60\nwrite-out = "%{stderr}HTTP %{http_code}\\n"\n'

OF_THE_READER: Final = "DU7654321"
"""An account of the reader's own; ``up --simulated`` has this one in its place."""

INSTEAD: Final = "DU1000003"

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


def with_curl(page: Path, address: str) -> list[Block]:
    """The blocks in which this address is asked, without those that are written from the code."""
    before, _, rest = page.read_text(encoding="utf-8").partition(WRITTEN)
    first, last = before.count("\n"), before.count("\n") + rest.partition(END)[0].count("\n")
    own = [block for block in blocks(*SHELL, pages=[page]) if not (rest and first < block.line <= last)]
    return [block for block in own if re.search(r"\bcurl ", block.text) and address in block.text]


def pages_with(address: str) -> list[Path]:
    return [page for page in PAGES if with_curl(page, address)]


def statuses_of(block: Block, answer: Answer) -> list[int]:
    """What each ``curl`` of a block was answered."""
    found = [int(status) for status in re.findall(r"^HTTP (\d+)$", answer.errors, re.MULTILINE)]
    assert (answer.status, len(found)) == (0, len(re.findall(r"\bcurl ", block.text))), f"{block.name}: {answer}"
    return found


@pytest.mark.parametrize("page", pages_with(OURS), ids=lambda page: page.name)
async def test_what_the_http_api_is_asked_is_answered(page: Path, tmp_path: Path) -> None:
    own = desk(tmp_path, None)
    async with up(own, "--simulated"):
        (tmp_path / ".curlrc").write_text(f'{CURLRC}connect-to = "localhost:8000:127.0.0.1:{own.http_port}"\n')
        for block in with_curl(page, OURS):
            answer = await typed(own, block.text.replace(OF_THE_READER, INSTEAD))
            assert [status for status in statuses_of(block, answer) if not 200 <= status < 300] == [], block.name


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
