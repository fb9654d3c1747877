"""A hostile page in a real browser, against every port that ``rebalancer up --simulated`` opens and needs no token at.

Needs Chromium: ``make test-browser``. What a browser sends is sent byte by byte in ``test_pages.py``, which needs none.
"""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import pytest
from aiohttp import web
from playwright.async_api import Page, async_playwright

from contract.names import WORKFLOW_TYPE
from tests.cli.command import Desk, desk, up
from tests.starter.web.dashboard.browser import CHROMIUM
from tests.starter.web.opened_ports import on_linux, opened_by
from worker.temporal import connect_embedded

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300), on_linux]

HOSTILE: Final = "hostile.example"
REBOUND: Final = "rebound.example"
"""Names of an attacker, both of which lead to this machine: where the page is, and where it has a browser look."""

PATHS: Final = (
    "/rebalance/DU1000001",
    "/rebalance/DU1000001/dry-run",
    "/halt",
    "/accounts/DU1000001/plan",
    "/api/v1/namespaces/default/workflows/rebalance-DU1000001",
)
BODIES: Final = (
    '{"execution_mode": "rebalance"}',
    '{"workflowType": {"name": "RebalanceAccount"}, "taskQueue": {"name": "rebalances"}, '
    '"input": [{"account": "DU1000001"}]}',
)

ATTACK: Final = """
async ([ports, paths, bodies]) => {
  const sent = [];
  const tried = (what, promise) => sent.push(promise.then(() => what + ': sent', error => what + ': ' + error));
  const patient = () => AbortSignal.timeout(10000);
  const hosts = ['127.0.0.1', 'localhost', '[::1]', '0.0.0.0'];
  for (const port of ports) for (const host of hosts) for (const path of paths) {
    const url = `http://${host}:${port}${path}`;
    for (const body of bodies) {
      const simple = {method: 'POST', mode: 'no-cors', body, signal: patient()};
      tried('simple', fetch(url, simple));
      tried('json', fetch(url, {...simple, mode: 'cors', headers: {'Content-Type': 'application/json'}}));
      tried('without referrer', fetch(url, {...simple, referrerPolicy: 'no-referrer', credentials: 'include'}));
      navigator.sendBeacon(url, body);
      const form = document.createElement('form');
      Object.assign(form, {method: 'POST', action: url, enctype: 'text/plain', target: 'frame'});
      form.append(Object.assign(document.createElement('input'), {name: body.slice(0, -1) + ', "x": "', value: '"}'}));
      document.body.append(form);
      form.submit();
    }
    tried('empty', fetch(url, {method: 'POST', mode: 'no-cors', signal: patient()}));
    document.body.append(Object.assign(new Image(), {src: url}));
    document.body.append(Object.assign(document.createElement('script'), {src: url}));
  }
  return Promise.all(sent);
}
"""

READ: Final = "path => fetch(path).then(answer => answer.status, String)"
TRADE: Final = """
path => fetch(path, {method: 'POST', headers: {'Content-Type': 'application/json'},
                     body: '{"execution_mode": "rebalance"}'}).then(answer => answer.status, String)
"""


@asynccontextmanager
async def hostile_site() -> AsyncGenerator[int]:
    """A page somewhere else; yields its port."""

    async def page(_: web.Request) -> web.Response:
        return web.Response(text="<body><iframe name=frame></iframe></body>", content_type="text/html")

    runner = web.AppRunner(application := web.Application())
    application.router.add_get("/", page)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@asynccontextmanager
async def browser_page() -> AsyncGenerator[Page]:
    """A page of a browser for which all of the attacker's names lead to this machine."""
    assert CHROMIUM, "Chromium is not installed (Debian, Ubuntu: apt install chromium)"
    rules = f"MAP {HOSTILE} 127.0.0.1, MAP {REBOUND} 127.0.0.1"
    arguments = ["--no-sandbox", f"--host-resolver-rules={rules}", "--disable-background-networking"]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        try:
            # Our answers forbid scripts of their own to ask anything; the attacker's page has no such rule.
            yield await (await browser.new_context(bypass_csp=True)).new_page()
        finally:
            await browser.close()


async def rebalances(own: Desk) -> int:
    """How many there ever were at the server of ``up``."""
    client = await connect_embedded(own.variables["TEMPORAL_ADDRESS"])
    query = f"WorkflowType = '{WORKFLOW_TYPE}' OR WorkflowType = 'Halt'"
    return (await client.count_workflows(query)).count


async def test_a_hostile_page_changes_nothing_at_any_port(tmp_path: Path) -> None:
    own = desk(tmp_path, accounts=None)
    async with up(own, "--simulated") as process, hostile_site() as elsewhere, browser_page() as page:
        ports = sorted(opened_by(process.pid))
        assert own.http_port in ports
        await page.goto(f"http://{HOSTILE}:{elsewhere}/")
        told = await page.evaluate(ATTACK, [ports, PATHS, BODIES])
        assert sum(each.endswith(": sent") for each in told) > len(PATHS), json.dumps(told[:20])
        assert await rebalances(own) == 0


async def test_a_page_whose_name_was_pointed_here_changes_nothing_and_our_own_would(tmp_path: Path) -> None:
    own = desk(tmp_path, accounts=None)
    async with up(own, "--simulated"), browser_page() as page:
        rebound = await page.goto(f"http://{REBOUND}:{own.http_port}/accounts")
        assert rebound is not None
        assert rebound.status == 403
        assert await page.evaluate(READ, "/accounts") == 403
        assert await page.evaluate(TRADE, "/rebalance/DU1000001") == 403
        assert await rebalances(own) == 0

        typed = await page.goto(f"http://127.0.0.1:{own.http_port}/accounts")
        assert typed is not None
        assert typed.status == 200
        assert await page.evaluate(READ, "/accounts") == 200
        assert await page.evaluate(TRADE, "/rebalance/DU1000001") == 200
        assert await rebalances(own) == 1
