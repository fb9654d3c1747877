"""axe-core, which finds what keeps people from reading a page: from the npm registry, at test time.

Its script is put into the page by the test's browser; the pages themselves load nothing from elsewhere.
"""

import asyncio
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from playwright.async_api import Page

VERSION: Final = "4.10.2"

SERIOUS: Final = ("serious", "critical")

LOOK: Final = "async () => (await axe.run(document, {resultTypes: ['violations']})).violations"


async def axe_source() -> str:
    """Its script. Raises ``FileNotFoundError`` without npm, and what npm says where it cannot be had."""
    npm = shutil.which("npm")
    if npm is None:
        raise FileNotFoundError("npm is needed to get axe-core (Debian, Ubuntu: apt install npm)")
    with TemporaryDirectory() as folder:
        process = await asyncio.create_subprocess_exec(
            npm, "install", "--silent", "--no-save", "--ignore-scripts", f"axe-core@{VERSION}", cwd=folder
        )
        assert await process.wait() == 0, "npm could not get axe-core"
        return (Path(folder) / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


async def serious(page: Page, source: str) -> list[str]:
    """What it finds that is serious: each with the first element that it is about."""
    await page.evaluate(source)
    found: list[dict[str, Any]] = await page.evaluate(LOOK)
    return [f"{each['id']}: {each['nodes'][0]['html']}" for each in found if each["impact"] in SERIOUS]
