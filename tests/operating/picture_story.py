"""One rebalance in pictures: dashboard, Temporal's UI and the wire to the gateway, at each moment that holds still."""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Final
from zoneinfo import ZoneInfo

from playwright.async_api import Page

from testbed.waiting import until
from tests.operating.camera import Camera, taken
from tests.operating.one_rebalance import ACCOUNT, SHALLOW, Scene
from tests.operating.wire_log import Line

DENSITY: Final = 2
"""Dots for each point, so that the pictures stay sharp on a screen that has as many."""

DASHBOARD: Final = {"width": 400, "height": 900}
TIMELINE: Final = {"width": 600, "height": 1500}
WIRE: Final = {"width": 360, "height": 600}

LASTS: Final = 2.6
"""What has just happened is pictured when the run is so many times as old: Temporal's timeline then has room beside it
to say what that was."""

MOMENTS: Final = {
    "1-read": ("reading", "#account-head"),
    "2-plan": ("The orders and their reasons", "#attention"),
    "3-sell": (f"{SHALLOW['SPY']} of ", "#orders"),
    "4-buy": (f"{SHALLOW['BND']} of ", "#orders"),
    "5-end": ("Commissions", "#orders"),
}
"""Each moment: what the account's page tells then, and where the picture of it ends."""

LEFT_OUT: Final = ("3-sell", "4-buy")
"""Moments whose picture leaves out what was held when the plan was made, for the orders below it."""

OF_THE_RUN: Final = """
[data-testid=top-nav], [data-testid=back-to-workflows], [data-testid=input-and-result], nav, dl, [role=tablist] {
  display: none !important;
}
"""
"""State, name and timeline stay."""

SETTLED, PATIENCE = 1500, 120_000
"""Milliseconds for a page of others to be drawn, and to come at all."""

GAP: Final = 12

SILENT: Final = ("reqCurrentTime", "cancelMktData", "commissionReport")
"""What the wire's pictures leave out: signs of life, and what says nothing of the order of things."""

NEW_YORK: Final = ZoneInfo("America/New_York")

LOG: Final = """<!doctype html><meta charset="utf-8"><style>
body { background: #14181d; color: #fff; margin: 0; padding: 12px; font: 12px/1.5 "DejaVu Sans Mono", monospace; }
p { margin: 0 0 0 1.9em; text-indent: -1.9em; } p + time { margin-top: .6em; }
time { display: block; color: #8b98a7; } .name { color: #a9b6c4; }
.up { color: #ffb454; } .down { color: #7fd1ff; }
</style>"""


@dataclass(frozen=True)
class Storyteller:
    """What is pictured, where it is seen, and with what."""

    scene: Scene
    dashboard: str
    temporal_ui: str
    camera: Camera

    async def picture(self, moment: str) -> str:
        """The three pictures of a moment, which is told."""
        await asyncio.gather(self._temporal(moment), self._dashboard(moment), self._wire(moment))
        return moment

    async def _dashboard(self, moment: str) -> None:
        async with self.camera.page(DASHBOARD, density=DENSITY) as page:
            await page.goto(f"{self.dashboard}/dashboard/accounts/{ACCOUNT}")
            told, last = MOMENTS[moment]
            await page.get_by_text(told).first.wait_for(timeout=PATIENCE)
            if moment in LEFT_OUT:
                await page.locator("#weights").evaluate("element => element.style.display = 'none'")
            part = await _between(page, "#account-head", last, DASHBOARD["width"])
            await taken(page, _name(moment, "dashboard"), part=part, density=DENSITY)

    async def _temporal(self, moment: str) -> None:
        run = await self.scene.own.handle(ACCOUNT).describe()
        address = f"{self.temporal_ui}/namespaces/default/workflows/{run.id}/{run.run_id}/timeline"
        async with self.camera.page(TIMELINE, density=DENSITY) as page:
            await page.goto(address)
            await page.get_by_text("read_targets").first.wait_for(timeout=PATIENCE)
            await (
                page.get_by_role("heading", name="Timeline").locator("xpath=../..").get_by_role("button").first.click()
            )
            await page.mouse.move(0, 0)
            await page.add_style_tag(content=OF_THE_RUN)
            await page.wait_for_timeout(SETTLED)
            part = await _between(page, "[data-testid=execution-status]", "button.event", TIMELINE["width"])
            await taken(page, _name(moment, "temporal"), part=part, density=DENSITY)

    async def _wire(self, moment: str) -> None:
        async with self.camera.page(WIRE, density=DENSITY) as page:
            await page.set_content(LOG + "".join(_shown(self.scene.fresh_lines())))
            await taken(page, _name(moment, "wire"), whole=True, density=DENSITY)

    async def hold(self, began: timedelta) -> None:
        """Return once a moment has lasted long enough that began when the run was so old."""
        await until(lambda: self._is_old(began), within=600, every=0.5)

    async def age(self) -> timedelta:
        """How long the run goes on."""
        run = await self.scene.own.handle(ACCOUNT).describe()
        return datetime.now(UTC) - run.start_time

    async def _is_old(self, began: timedelta) -> bool:
        return await self.age() > began * LASTS


async def tell(teller: Storyteller) -> AsyncGenerator[str]:
    """Go from moment to moment; each is named once its pictures are taken."""
    scene = teller.scene
    await scene.ask()
    yield await teller.picture("1-read")
    for name, step in (("2-plan", scene.plan), ("3-sell", scene.sell), ("4-buy", scene.buy)):
        await step()
        await teller.hold(await teller.age())
        yield await teller.picture(name)
    await scene.end()
    yield await teller.picture("5-end")


def _name(moment: str, panel: str) -> str:
    return f"one-rebalance-{moment}-{panel}"


async def _between(page: Page, first: str, last: str, width: float) -> dict[str, float]:
    """The part of a page from one element down to the lowest of others, with both."""
    begins = await page.locator(first).evaluate("element => element.getBoundingClientRect().top") - GAP
    ends = await page.locator(last).evaluate_all("all => Math.max(...all.map(e => e.getBoundingClientRect().bottom))")
    return {"x": 0, "y": begins, "width": width, "height": ends + GAP - begins}


def _shown(lines: Iterable[Line]) -> list[str]:
    """The lines under the second in which they went; what is told twice of an order, once."""
    shown: list[str] = []
    second, before = "", ("", "")
    for line in lines:
        if line.name in SILENT or (line.name, line.about) == before:
            continue
        before = line.name, line.about
        if second != (second := f"{line.time.astimezone(NEW_YORK):%I:%M:%S %p}"):
            shown.append(f"<time>{second}</time>")
        way = "up" if line.arrow == "→" else "down"
        name = f"<span class=name>{escape(line.name)}</span>"
        shown.append(f"<p><span class={way}>{line.arrow}</span> {name} {escape(line.about)}</p>")
    return shown
