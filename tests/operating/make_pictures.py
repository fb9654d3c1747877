"""``make pictures``: every state that an operator meets, as dashboard, Temporal UI and terminal show it.

The pictures are taken in a real browser of an evening on which accounts are in all of these states at once
(``tests.operating.scenario``), and are what the documents show; one rebalance and the demo are taken besides.
"""

import asyncio
import sys
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import pytest
from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from testbed.temporal_server import TemporalServer, temporal_server
from testbed.waiting import until
from tests.cli.command import Desk
from tests.house import House
from tests.operating import scenario as at
from tests.operating.camera import Camera, camera, taken
from tests.operating.demo_picture import take_demo
from tests.operating.one_rebalance import scene
from tests.operating.picture_story import Storyteller, tell
from tests.starter.web.api import Api, api_of
from tests.starter.web.dashboard.browser import PHONE
from worker.free_ports import free_port

WIDE: Final = {"width": 1180, "height": 760}

SCENARIOS: Final = {
    "running": at.RUNNING,
    "queued": at.QUEUED,
    "waiting-for-the-open": at.MARKET,
    "waiting-for-approval": at.APPROVAL,
    "needs-operator": at.OPERATOR,
    "failed": at.FAILED,
    "incomplete": at.INCOMPLETE,
    "halted": at.PAUSED,
    "completed": at.DONE,
}
"""Each state, and the account that is in it."""

SETTLED, PATIENCE = 2500, 60_000
"""Milliseconds for a page of others to be drawn, and to come at all."""

COLUMNS: Final = 120

WITHOUT_PAYLOADS: Final = ".cm-editor, [data-testid=input-and-result] { display: none !important; }"
"""A failure's stack trace names the folders of whoever took the picture."""

TALL: Final = {"width": 1180, "height": 1150}

TERMINAL: Final = """<!doctype html><meta charset="utf-8"><style>{stylesheet} body {{ background: #14181d; color:
#d8dee6; margin: 0; padding: 14px; display: inline-block; }} pre {{ font: 14px/1.35 "DejaVu Sans Mono", monospace;
margin: 0; }}</style><body><pre>$ {command}
{code}</pre></body>"""


@dataclass(frozen=True)
class Studio:
    """What pictures are taken of, and with."""

    own: House
    desk: Desk
    api: Api
    temporal_ui: str
    camera: Camera

    async def dashboard(self, path: str, name: str, told: str) -> None:
        """A page of the dashboard, once it tells this: wide, dark, and on a phone."""
        for kind, size, scheme in (("wide", WIDE, "light"), ("dark", WIDE, "dark"), ("phone", PHONE, "light")):
            async with self.camera.page(size, scheme) as page:
                await page.goto(f"{self.api.address}{path}")
                await page.get_by_text(told).first.wait_for()
                await page.wait_for_timeout(1200)
                await taken(page, f"{name}-{kind}", whole=kind != "phone")

    async def temporal(self, path: str, name: str, told: str) -> None:
        """A page of the Temporal UI, once it tells this."""
        async with self.camera.page(TALL, "light") as page:
            await page.goto(f"{self.temporal_ui}{path}")
            await page.get_by_text(told).first.wait_for(timeout=PATIENCE)
            await page.wait_for_timeout(SETTLED)
            await page.add_style_tag(content=WITHOUT_PAYLOADS)
            await taken(page, f"{name}-temporal")

    async def terminal(self, name: str, *arguments: str) -> None:
        """What a command prints at a terminal."""
        answer = await self.desk.run(*arguments)
        console = Console(record=True, width=COLUMNS, file=StringIO(), force_terminal=True)
        console.print(Text.from_ansi(answer.output))
        command = " ".join(("rebalancer", *arguments))
        code = TERMINAL.replace("{command}", command)
        async with self.camera.page({"width": 1180, "height": 200}, "light") as page:
            await page.set_content(console.export_html(code_format=code, theme=MONOKAI))
            await taken(page, f"{name}-terminal", whole=True)


async def take_all(studio: Studio) -> None:
    """All pictures, the gateway's end last."""
    await studio.dashboard("/", "board", at.DONE)
    await studio.temporal("/namespaces/default/workflows", "board", f"rebalance-{at.DONE}")
    await studio.terminal("board", "status")
    for name, account in SCENARIOS.items():
        await studio.dashboard(f"/dashboard/accounts/{account}", name, at.PHASES[account])
        await studio.temporal(await _timeline(studio, account), name, f"rebalance-{account}")
        await studio.terminal(name, "status", account)
        say(name)
    run = (await _run_id(studio, at.DONE))[:8]
    await studio.dashboard(f"/dashboard/accounts/{at.DONE}/runs/{run}", "run", "What took how long")
    await studio.dashboard("/dashboard/events", "events", "carried out")
    await studio.own.gateway.__aexit__(None, None, None)

    async def is_down() -> bool:
        return "NOT CONNECTED" in (await studio.desk.run("status")).output

    await until(is_down)
    await studio.dashboard("/", "gateway-down", "not connected")
    await studio.temporal("/namespaces/default/task-queues/ibkr", "gateway-down", "ibkr")
    await studio.terminal("gateway-down", "status")
    say("gateway-down")


async def _run_id(studio: Studio, account: str) -> str:
    return (await studio.own.handle(account).describe()).run_id


async def _timeline(studio: Studio, account: str) -> str:
    return f"/namespaces/default/workflows/rebalance-{account}/{await _run_id(studio, account)}/timeline"


def say(what: str) -> None:
    """What was just done."""
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


async def take_evening(camera: Camera) -> None:
    """Set the evening up, and take its pictures."""
    with TemporaryDirectory() as temporary, pytest.MonkeyPatch.context() as patch:
        folder = Path(temporary)
        async with (
            temporal_server(free_port(), free_port()) as server,
            at.evening(folder, patch, server) as (own, desk),
            api_of(own, folder, is_simulated=True) as api,
        ):
            desk.variables |= {"FORCE_COLOR": "1", "COLUMNS": str(COLUMNS)}
            await take_all(Studio(own, desk, api, _ui_of(server), camera))


async def take_one_rebalance(camera: Camera) -> None:
    """Go through one rebalance, and take each of its moments."""
    with TemporaryDirectory() as temporary, pytest.MonkeyPatch.context() as patch:
        folder = Path(temporary)
        async with (
            temporal_server(free_port(), free_port()) as server,
            scene(folder, patch, server) as played,
            api_of(played.own, folder, is_simulated=True) as api,
        ):
            async for moment in tell(Storyteller(played, api.address, _ui_of(server), camera)):
                say(moment)


TAKES: Final = {"evening": take_evening, "one-rebalance": take_one_rebalance, "demo": take_demo}
"""What pictures there are, by the names that the command takes; without one, all."""


async def main(*names: str) -> None:
    """Take these, or all."""
    async with camera() as ready:
        for name in names or TAKES:
            await TAKES[name](ready)


def _ui_of(server: TemporalServer) -> str:
    return f"http://127.0.0.1:{server.ui_port}"


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
