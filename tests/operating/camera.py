"""Pictures of pages, as the documents show them."""

import base64
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from playwright.async_api import Browser, Page, async_playwright

from tests.source_tree import ROOT
from tests.starter.web.dashboard.browser import CHROMIUM

FOLDER: Final = ROOT / "docs" / "pictures"


@dataclass(frozen=True)
class Camera:
    """A real browser."""

    browser: Browser

    @asynccontextmanager
    async def page(self, size: Any, scheme: Any = "light", density: float = 1) -> AsyncGenerator[Page]:
        """A page of this size, with so many dots for each of its points."""
        context = await self.browser.new_context(
            viewport=size,
            color_scheme=scheme,
            device_scale_factor=density,
            locale="en-US",
            timezone_id="America/New_York",
        )
        try:
            yield await context.new_page()
        finally:
            await context.close()


@asynccontextmanager
async def camera() -> AsyncGenerator[Camera]:
    """The system's Chromium, for the time of a block."""
    assert CHROMIUM, "Chromium is not installed (Debian, Ubuntu: apt install chromium)"
    FOLDER.mkdir(exist_ok=True)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield Camera(browser)
        finally:
            await browser.close()


async def taken(
    page: Page, name: str, *, whole: bool = False, part: dict[str, float] | None = None, density: float = 1
) -> None:
    """A picture of a page, of a part of it, or of what shows; WebP is a quarter as large as PNG, and as legible.

    ``density`` is that of the page; a picture of what shows has it anyway.
    """
    devtools = await page.context.new_cdp_session(page)
    clip: dict[str, Any] = {"format": "webp", "quality": 80, "captureBeyondViewport": whole or part is not None}
    if whole:
        size = await page.evaluate("[document.documentElement.scrollWidth, document.body.scrollHeight]")
        part = {"x": 0, "y": 0, "width": size[0], "height": size[1]}
    if part:
        clip["clip"] = {**part, "scale": density}
    answer = await devtools.send("Page.captureScreenshot", clip)
    (FOLDER / f"{name}.webp").write_bytes(base64.b64decode(answer["data"]))
