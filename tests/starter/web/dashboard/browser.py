"""A page of the dashboard in the system's Chromium, with everything that a test must not see."""

import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from playwright.async_api import ConsoleMessage, Page, Request, async_playwright

CHROMIUM: Final = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

WIDE: Final = {"width": 1280, "height": 800}
PHONE: Final = {"width": 360, "height": 740}


@dataclass
class Seen:
    """A page, and what went wrong with it: errors of its script and console, and requests to another host."""

    page: Page
    problems: list[str] = field(default_factory=list[str])

    def watch(self, own: str) -> None:
        """Note what goes wrong; ``own`` is the only host that may be asked for anything."""

        def note_error(said: ConsoleMessage) -> None:
            if said.type == "error":
                self.problems.append(f"console: {said.text}")

        def note_stranger(asked: Request) -> None:
            if urlsplit(asked.url).netloc != own:
                self.problems.append(f"asked for {asked.url}")

        self.page.on("pageerror", lambda error: self.problems.append(f"script: {error}"))
        self.page.on("console", note_error)
        self.page.on("request", note_stranger)


@asynccontextmanager
async def opened(address: str, *, size: Any = WIDE, scheme: Any = "light") -> AsyncGenerator[Seen]:
    """The page at this address, in a browser of its own."""
    assert CHROMIUM, "Chromium is not installed (Debian, Ubuntu: apt install chromium)"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-background-networking"]
        )
        try:
            context = await browser.new_context(viewport=size, color_scheme=scheme, locale="en-US", timezone_id="UTC")
            seen = Seen(await context.new_page())
            seen.watch(urlsplit(address).netloc)
            await seen.page.goto(address)
            yield seen
        finally:
            await browser.close()
