"""The site in a real browser: from the file system and over HTTP, read by everybody, and found by its search."""

import http.server
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from playwright.async_api import Locator, expect

from testbed.waiting import until
from tests.documentation.site import build
from tests.starter.web.dashboard.axe import axe_source, serious
from tests.starter.web.dashboard.browser import PHONE, WIDE, opened

pytestmark = pytest.mark.browser

QUESTIONS = {
    "approve a plan": "guards-and-approval",
    "needs operator": "what-to-do/phases",
    "stop trading": "halting",
    "QuoteStale": "reference/errors",
    "second factor": "deployment",
    "restore a copy": "backup",
    "tolerance_percent": "reference/configuration",
    "exit status": "reference/exit-statuses",
    "lost key": "encryption",
    "upgrade": "upgrading",
    "gateway disconnected what now": "at-night",
    "order stuck": "at-night",
    "how do I stop everything": "at-night",
    "second factor expired": "at-night",
    "how to move to a new machine": "at-night",
    "why was nothing bought": "at-night",
    "who approved this": "at-night",
    "event did not arrive": "at-night",
    "wrong weight published": "at-night",
    "upgrade while a rebalance waits": "at-night",
}
"""What operators typed, the last ten as somebody did who did not know these pages, and the page that answers."""

LOOKED_AT = 10
"""Nobody reads more results."""


class Quiet(http.server.SimpleHTTPRequestHandler):
    """As ``python -m http.server``, without its log."""

    def log_message(self, format: str, *args: object) -> None:  # the library's name
        """Say nothing."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("documents"))


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def pages_of(site: Path) -> list[str]:
    return sorted(page.relative_to(site).as_posix() for page in site.rglob("*.html"))


async def test_every_page_opens_over_http_without_an_error_or_another_host(site: Path, address: str) -> None:
    async with opened(f"{address}/index.html") as seen:
        for page in pages_of(site):
            if page != "404.html":
                await seen.page.goto(f"{address}/{page}")
        assert seen.problems == []


async def test_pages_open_from_the_file_system(site: Path) -> None:
    async with opened((site / "index.html").as_uri()) as seen:
        await seen.page.get_by_role("link", name="Going live").first.click()
        await seen.page.get_by_role("heading", name="Going live").first.wait_for()
        asked = [problem for problem in seen.problems if "asked for http" in problem]
        assert asked == []


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("scheme", "size"), [("light", WIDE), ("dark", PHONE)])
async def test_nothing_keeps_people_from_reading_any_page(
    site: Path, address: str, scheme: str, size: dict[str, int]
) -> None:
    source = await axe_source()
    found: dict[str, list[str]] = {}
    async with opened(f"{address}/index.html", size=size, scheme=scheme) as seen:
        for page in pages_of(site):
            await seen.page.goto(f"{address}/{page}")
            found[page] = await serious(seen.page, source)
    assert {page: problems for page, problems in found.items() if problems} == {}


@pytest.mark.parametrize("question", QUESTIONS)
async def test_the_search_answers_what_an_operator_asks(address: str, question: str) -> None:
    async with opened(f"{address}/index.html") as seen:
        await seen.page.keyboard.press("/")
        await seen.page.locator("dialog").wait_for()
        await seen.page.keyboard.type(question)
        found = seen.page.locator("dialog").get_by_role("option")
        await expect(found.first).to_be_visible()
        await until(partial(_tells_of, found, QUESTIONS[question]), within=20)


async def _tells_of(found: Locator, page: str) -> bool:
    """Whether one of those that are looked at leads to the page; the search goes on while somebody types."""
    led = await found.evaluate_all("links => links.map(link => link.getAttribute('href'))")
    return any(f"{page}.html" in (address or "") for address in led[:LOOKED_AT])
