"""``rebalancer doctor``: releases, what each has open, and what is stuck and why, with what to do."""

from collections.abc import Mapping

from rich import box
from rich.table import Table

from configuration.configuration import Configuration, ConfigurationInvalid
from starter.cli.console import error_console, output_console, print_json
from starter.cli.mistakes import DONE, FAILED
from starter.cli.setup import connect_temporal, read_setup
from starter.desk.doctor import Diagnosis, diagnose
from worker.build import own_release


async def run_doctor_command(*, as_json: bool) -> int:
    """Print what was found; the exit status says whether anything is wrong."""
    found = await diagnose(await connect_temporal(), _configuration(), own_release())
    if as_json:
        print_json(found.as_json())
    else:
        _print(found)
    return FAILED if found.findings else DONE


def _configuration() -> Configuration | None:
    """A file that cannot be used hides nothing of what is known without it."""
    try:
        return read_setup(may_be_simulated=True).configuration
    except ConfigurationInvalid as invalid:
        error_console().print(str(invalid), style="red", markup=False, soft_wrap=True)
        return None


def _print(found: Diagnosis) -> None:
    console = output_console()
    told = found.as_json()
    facts = _table("", "")
    facts.add_row("release of this command", found.own.build_id)
    facts.add_row("new rebalances begin with", str(found.in_charge or "none yet: no worker has run"))
    facts.add_row("releases with a worker", ", ".join(map(str, found.served)) or "none")
    facts.add_row("open runs", _counts(found.releases) or "none")
    facts.add_row("workers at each queue", _counts(found.pollers))
    facts.add_row("processes", "\n".join(found.processes) or "none")
    facts.add_row("Temporal", f"server {found.server}, client library {told['temporal_sdk']}")
    console.print(facts)
    if not found.findings:
        console.print("Nothing is stuck.")
        return
    findings = _table("about", "what is wrong", "what to do")
    for each in found.findings:
        findings.add_row(each.about, each.what, each.to_do)
    console.print(findings)


def _counts(counted: Mapping[str, int]) -> str:
    return ", ".join(f"{name}: {count}" for name, count in counted.items())


def _table(*headings: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, show_header=bool(headings[0]))
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table
