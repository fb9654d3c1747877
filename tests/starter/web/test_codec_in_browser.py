"""The Temporal UI in a real browser: clear text for who signed in at the dashboard, for nobody else.

Needs Chromium: ``make test-browser``.
"""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, Page, async_playwright

from configuration.key_ring import line_of, new_key
from testbed.addresses import temporal_at
from tests.cli.command import Desk, desk, service
from tests.starter.web.dashboard.browser import CHROMIUM
from worker.free_ports import free_ports

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

ACCOUNT = "DU1000001"

SETTINGS = """
endpoint => {
  localStorage.setItem('endpoint', JSON.stringify(endpoint));
  localStorage.setItem('includeCredentials', 'true');
  localStorage.setItem('overrideRemoteCodecConfiguration', 'true');
}
"""
"""What the UI keeps of its own dialog: Use my browser setting, and Include cross-origin credentials."""


@pytest.fixture
async def context() -> AsyncGenerator[BrowserContext]:
    """A browser of its own."""
    assert CHROMIUM, "Chromium is not installed (Debian, Ubuntu: apt install chromium)"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-background-networking"]
        )
        try:
            yield await browser.new_context()
        finally:
            await browser.close()


NOT_TOLD = "Codec Server could not connect"


async def shown(page: Page, ui: str, awaited: str) -> str:
    """What the UI shows of the account's rebalance once these words are there."""
    await page.goto(f"{ui}/namespaces/default/workflows/rebalance-{ACCOUNT}")
    await page.get_by_text(awaited).first.wait_for(state="attached")
    return await page.inner_text("body")


async def test_the_ui_shows_clear_text_to_who_signed_in_at_the_dashboard_alone(
    tmp_path: Path, context: BrowserContext
) -> None:
    key = tmp_path / "key"
    key.write_text(line_of(new_key("ann")), encoding="utf-8")
    key.chmod(0o600)
    own: Desk = desk(tmp_path, REBALANCER_KEY_FILE=str(key))
    port, ui_port, http_port = free_ports(3)
    own.variables |= temporal_at(port)
    ports = ("--port", str(port), "--ui-port", str(ui_port), "--http-port", str(http_port))
    ui, api = f"http://127.0.0.1:{ui_port}", f"http://127.0.0.1:{http_port}"
    async with service(own, "up", "--simulated", *ports) as told:
        await told.until("connected to the gateway")
        assert (await own.run("run", ACCOUNT)).status == 0
        page = await context.new_page()
        assert "QQQ" not in await shown(page, ui, NOT_TOLD)

        await page.evaluate(SETTINGS, f"{api}/codec")
        assert "QQQ" not in await shown(page, ui, NOT_TOLD)

        token = (await own.run("token", "viewer")).output.strip()
        signed_in = await context.request.post(f"{api}/dashboard/sign-in", data={"token": token})
        assert signed_in.status == 200
        assert NOT_TOLD not in await shown(page, ui, "QQQ")
