"""The documents as a site: built without a warning, each page reachable, nothing loaded from another host."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from starter.desk.explain import explanations
from tests.documentation.blocks import PAGES
from tests.documentation.http_examples import EXAMPLES as REQUESTS
from tests.documentation.metrics_page import QUERIES
from tests.documentation.references import EXAMPLES, commands, errors
from tests.documentation.site import SITE, build, gather
from tests.source_tree import ROOT

LOADED = re.compile(r"<(?:script|link|img|iframe|source)\b[^>]*\b(?:src|href)=\"?(https?://[^\"\s>]+)")

IMAGE = re.compile(r"<img\b[^>]*>")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built strictly: a link that leads nowhere fails here."""
    return build(tmp_path_factory.mktemp("documents"))


def navigated(entries: list[Any]) -> set[str]:
    """Every page that the navigation names."""
    found: set[str] = set()
    for entry in entries:
        for inner in [entry] if isinstance(entry, str) else entry.values():
            found |= {inner} if isinstance(inner, str) else navigated(inner)
    return found


def test_no_page_loads_anything_from_another_host(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 50
    loaded = {address for page in pages for address in LOADED.findall(page.read_text(encoding="utf-8"))}
    assert loaded == set()


def test_every_picture_says_in_words_what_it_shows(site: Path) -> None:
    pictures = [(page.name, tag) for page in site.rglob("*.html") for tag in IMAGE.findall(page.read_text("utf-8"))]
    assert len(pictures) > 50
    assert [(page, tag) for page, tag in pictures if not re.search(r'\balt="?[^"\s>]', tag)] == []


def test_every_page_is_in_the_navigation_or_a_decision(tmp_path: Path) -> None:
    gather(tmp_path)
    own = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    pages = {path.relative_to(tmp_path / "build" / "docs").as_posix() for path in (tmp_path / "build").rglob("*.md")}
    assert {page for page in pages if not re.match(r"adr/\d", page)} == navigated(own["nav"])


def test_the_search_knows_every_error_command_route_and_metric_by_its_name(site: Path) -> None:
    index = (site / "search.json").read_text(encoding="utf-8")
    assert [error.__name__ for error in errors() if error.__name__ not in index] == []
    assert [name for name, _ in commands() if f"rebalancer {name}" not in index] == []
    assert [name for name in (*REQUESTS, *QUERIES) if name not in index] == []


def test_a_link_that_leads_nowhere_ends_the_build(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seen on a copy of the gathered pages, so that the repository stays as it is."""
    from tests.documentation import site as builder

    def gather_with_a_bad_link(folder: Path) -> None:
        gather(folder)
        (folder / "build" / "docs" / "index.md").write_text("[nowhere](no-such-page.md)", encoding="utf-8")

    monkeypatch.setattr(builder, "gather", gather_with_a_bad_link)
    with pytest.raises(builder.SiteNotBuilt, match=r"no-such-page|does not exist"):
        build(tmp_path)
    assert not (tmp_path / SITE / "no-such-page.html").exists()


def test_every_command_has_an_example() -> None:
    assert {name for name, _ in commands()} == set(EXAMPLES)


def test_the_readme_is_short_enough_to_be_read() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


WORDS = {
    "colour": r"\bcolor\b",
    "drift": r"\btracking error\b",
    "order ref": r"\border reference\b",
    "net liquidation value": r"\bnet liquidity\b",
    "time-out": r"\btimeout of\b",
}
"""One word for each thing, and what is not to stand for it."""


@pytest.mark.parametrize("word", WORDS)
def test_one_word_stands_for_each_thing(word: str) -> None:
    pattern = re.compile(WORDS[word], re.IGNORECASE)
    found = [page.name for page in PAGES if pattern.search(re.sub(r"`[^`]*`", "", page.read_text(encoding="utf-8")))]
    assert found == []


def test_every_explanation_stands_where_it_says(site: Path) -> None:
    for each in explanations():
        page, anchor = each.place.removeprefix("docs/").split(".md#")
        assert f'id="{anchor}"' in (site / f"{page}.html").read_text(encoding="utf-8"), each.place
