"""What README and docs say is there, is there: commands, settings, variables, names, files, links."""

import re
from pathlib import Path

import pytest
import typer

from configuration.environment import Connections
from contract import activities, halts, names
from rebalancing.alerts import ALERTS
from rebalancing.outcomes import Phase
from starter.cli.main import app
from tests.documentation.blocks import PAGES
from tests.source_tree import PACKAGES, ROOT

TEXT = "\n".join(path.read_text(encoding="utf-8") for path in PAGES)
COMMANDS = set(typer.main.get_command(app).commands)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownVariableType]


OF_RELEASES = re.compile(r"^temporal worker deployment .*$", re.MULTILINE)
"""Lines in which ``--name`` is that of the deployment."""


def test_every_command_that_is_named_exists() -> None:
    named = set(re.findall(r"(?:^|`)rebalancer ([a-z]+(?:-[a-z]+)*)\b", TEXT, re.MULTILINE))
    assert named >= {"up", "worker", "listen", "run", "status", "positions", "check", "demo"}
    assert named - COMMANDS == set()


@pytest.mark.parametrize("variable", [name.upper() for name in Connections.model_fields])
def test_every_variable_is_in_the_reference(variable: str) -> None:
    page = (ROOT / "docs" / "reference" / "environment.md").read_text(encoding="utf-8")
    assert f"`{variable}`" in page


def test_the_names_in_the_temporal_commands_are_the_real_ones() -> None:
    attributes = re.findall(r"--name (\w+) --type (Keyword|Double)", TEXT)
    assert attributes == [(attribute.name, names.kind_of(attribute)) for attribute in names.SEARCH_ATTRIBUTES]
    assert set(re.findall(r"--type (?!Keyword|Double)(\w+)", TEXT)) == {names.WORKFLOW_TYPE, halts.HALT_WORKFLOW_TYPE}
    assert set(re.findall(r"--signal-name (\w+)", TEXT)) == {names.TRIGGER_SIGNAL}
    assert set(re.findall(r"--name (\w+)(?! --type)\b", OF_RELEASES.sub("", TEXT))) == {
        names.STATUS_QUERY,
        names.APPROVE_UPDATE,
        names.REJECT_UPDATE,
        "resolve",
    }
    assert names.workflow_id("DU7654321") in TEXT
    queried = set(re.findall(r"Phase = '([^']+)'", TEXT))
    assert queried
    assert queried <= {phase.value for phase in Phase}


@pytest.mark.parametrize("document", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_and_files_lead_somewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?://)([^)#]+)\)", text) + re.findall(r'<img src="([^"]+)"', text)
    files = re.findall(rf"`((?:{'|'.join([*PACKAGES, 'tests', 'docs', 'deploy'])})/[\w./-]+)`", text)
    missing = [link for link in links if not (document.parent / link).exists()]
    assert missing + [file for file in files if not (ROOT / file).exists()] == []


@pytest.mark.parametrize("record", sorted((ROOT / "docs" / "adr").glob("*.md")), ids=lambda path: path.stem[:4])
def test_every_decision_says_whether_it_holds(record: Path) -> None:
    """Below its title; what it supersedes, or is superseded by, stands in the same paragraph and is another record."""
    status = record.read_text(encoding="utf-8").split("\n\n")[1]
    assert re.match(r"\*\*Status\.\*\* (Accepted|Withdrawn|Superseded)\b", status)
    for number in re.findall(r"decisions? (\d+)(?: and (\d+))?", status):
        for each in filter(None, number):
            assert list(record.parent.glob(f"{int(each):04}-*.md")), each


@pytest.mark.parametrize("document", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_files_that_are_named_without_their_folder_are_somewhere(document: Path) -> None:
    named = set(re.findall(r"`(\w+\.py)`", document.read_text(encoding="utf-8")))
    folders = (*PACKAGES, "bench", "tests")
    there = {path.name for folder in folders for path in (ROOT / folder).rglob("*.py")}
    assert named - there == set()


def test_every_activity_is_in_the_table_of_queues() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = text.partition("| queue | what runs there |")[2].partition("\n\n")[0]
    source = Path(activities.__file__).read_text(encoding="utf-8")
    stated = re.findall(r"async def (\w+)\(self", source)
    assert len(stated) > 20
    assert [name for name in stated if f"`{name}`" not in table] == []


def test_every_alert_is_in_the_table() -> None:
    text = (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (.+) \| (at once|digest) \|$", text, re.MULTILINE)
    ours = [(kind.value, rule.when, "at once" if rule.is_urgent else "digest") for kind, rule in ALERTS.items()]
    assert rows == ours
