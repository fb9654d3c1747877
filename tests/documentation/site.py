"""``make docs``: the documents as a site in build/site, which loads nothing from another host.

In the repository the documents link to files that are no pages. Here those at the top become pages too, and a link to
anything else becomes the name of the file.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.source_tree import ROOT

GATHERED: Final = Path("build/docs")
SITE: Final = Path("build/site")
"""Below the folder with ``mkdocs.yml``, which names both."""

TOP: Final = ("SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md")
"""Pages that stand beside the code."""

LINK: Final = re.compile(r"(!?)\[([^\]]*)\]\((?!https?://|#|mailto:)([^)#\s]+)(#[^)\s]*)?\)")

COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")

DECISIONS: Final = """\
# Decisions

Why it is so and not otherwise. What supersedes a decision stands in it.

"""


class SiteNotBuilt(Exception):
    """The documents have something that does not belong together; the message is the builder's."""


def gather(folder: Path) -> None:
    """Bring all pages into ``build/docs`` of this folder."""
    target = folder / GATHERED
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(ROOT / "docs", target)
    for name in TOP:
        shutil.copy(ROOT / name, target / name)
    records = sorted(path for path in (target / "adr").glob("*.md"))
    titles = [path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ") for path in records]
    listed = (f"- [{title}]({path.name})\n" for path, title in zip(records, titles, strict=True))
    (target / "adr" / "index.md").write_text(DECISIONS + "".join(listed), encoding="utf-8")
    for page in target.rglob("*.md"):
        _link_within(page, target)


def _link_within(page: Path, target: Path) -> None:
    """Rewrite the links of a page that lead out of the pages."""
    own = page.relative_to(target)
    there = ROOT if own.name in TOP else ROOT / "docs"

    def led(found: re.Match[str]) -> str:
        picture, text, to, anchor = found.groups()
        wanted = (there / own.parent / to).resolve()
        if wanted == (ROOT / "docs" / "adr").resolve():
            wanted /= "index.md"
        place = _place(wanted)
        if place is None:
            return f"{picture}{text}" if "`" in text else f"`{text}`"
        return f"{picture}[{text}]({os.path.relpath(place, own.parent)}{anchor or ''})"

    page.write_text(LINK.sub(led, page.read_text(encoding="utf-8")), encoding="utf-8")


def _place(wanted: Path) -> Path | None:
    """Where a file of the repository is among the pages."""
    if wanted.parent == ROOT and wanted.name in TOP:
        return Path(wanted.name)
    if wanted == ROOT / "README.md":
        return Path("index.md")
    return wanted.relative_to(ROOT / "docs") if wanted.is_relative_to(ROOT / "docs") else None


def build(folder: Path) -> Path:
    """Build the site in this folder, and say where it is. Raises ``SiteNotBuilt`` with what the builder warns of."""
    gather(folder)
    if folder.resolve() != ROOT:
        shutil.copy(ROOT / "mkdocs.yml", folder)
    zensical = Path(sys.executable).with_name("zensical")
    arguments = [zensical, "build", "--strict", "--clean", "--config-file", "mkdocs.yml"]
    ended = subprocess.run(arguments, cwd=folder, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise SiteNotBuilt(COLOUR.sub("", f"{ended.stdout}\n{ended.stderr}"))
    return folder / SITE


if __name__ == "__main__":
    print(build(ROOT) / "index.html")  # noqa: T201  # for whoever wants to open it
