"""``make reference``: the pages of docs/reference that are written from the code."""

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

import click
import typer

from contract.names import SEARCH_ATTRIBUTES, kind_of
from rebalancing.errors import RebalancerError
from starter.cli.main import app
from tests.documentation import what_to_do
from tests.documentation.environment_page import environment_page
from tests.documentation.exit_statuses_page import exit_statuses_page
from tests.documentation.http_page import http_page
from tests.documentation.metrics_page import metrics_page
from tests.documentation.written_part import WRITTEN
from tests.source_tree import PACKAGES

EXAMPLES: Final[Mapping[str, str]] = {
    "up": "rebalancer up --simulated",
    "worker": "rebalancer worker --gateway east",
    "listen": "rebalancer listen",
    "serve": "rebalancer serve",
    "token": "rebalancer token alice --role trader",
    "env": 'eval "$(rebalancer env)"',
    "health": "rebalancer health worker",
    "key new": "rebalancer key new --id ann",
    "key list": "rebalancer key list",
    "key payloads": "rebalancer key payloads > payload-keys",
    "run": "rebalancer run DU7654321 --live --wait",
    "retry": "rebalancer retry --failed",
    "status": "rebalancer status --watch",
    "history": "rebalancer history --since 7d --failed",
    "show": "rebalancer show DU7654321",
    "positions": "rebalancer positions DU7654321",
    "plan": "rebalancer plan --all",
    "approve": "rebalancer approve DU7654321 --plan-hash 3f9c01d2a4be",
    "reject": 'rebalancer reject DU7654321 --reason "not before Friday"',
    "resolve": "rebalancer resolve DU7654321 rb-48b3de82812f425b9f4a-2-1-4c7048ad --not-placed",
    "cancel": "rebalancer cancel DU7654321",
    "seal": "rebalancer seal DU7654321 --live --event by-hand-1",
    "halt": 'rebalancer halt --reason "prices look wrong"',
    "resume": "rebalancer resume",
    "pause": "rebalancer pause --strategy etf-blend-301-20",
    "unpause": "rebalancer unpause DU7654321",
    "schedule add": 'rebalancer schedule add DU7654321 --cron "30 10 * * MON" --timezone America/New_York',
    "schedule list": "rebalancer schedule list",
    "schedule next": "rebalancer schedule next",
    "schedule pause": "rebalancer schedule pause weekly --reason holidays",
    "schedule unpause": "rebalancer schedule unpause weekly",
    "schedule remove": "rebalancer schedule remove weekly",
    "check": "rebalancer check",
    "doctor": "rebalancer doctor",
    "demo": "rebalancer demo --exit",
    "schema": "rebalancer schema portfolio",
    "simulate": "rebalancer simulate gateway --port 4002",
    "rehearse": "rebalancer rehearse DU7654321 --faults",
    "backup": "rebalancer backup copy.db",
    "restore": "rebalancer restore copy.db",
    "history-restored": 'rebalancer history-restored --reason "recovered to 14:00"',
    "accept-history": "rebalancer accept-history DU7654321",
    "notify test": "rebalancer notify test phone",
    "config explain": "rebalancer config explain tolerance_percent",
    "import": "rebalancer import old-installation --into .",
    "explain": "rebalancer explain QuoteStale",
}
"""A command's line, as somebody would type it."""

ATTRIBUTES: Final[Mapping[str, str]] = {
    "Account": "what is rebalanced | `Account = 'DU7654321'`",
    "Strategy": "the strategy that it follows | `Strategy = 'etf-blend-301-20' AND ExecutionStatus = 'Failed'`",
    "ExecutionMode": "`rebalance` trades, `dry_run` does not | `ExecutionMode = 'rebalance'`",
    "Phase": "the step it is in, or how it ended | `Phase = 'waiting for approval'`",
    "Outcome": "once it is over, what it came to | `Outcome IN ('failed', 'incomplete')`",
    "Drift": "how far the account was from its targets as it was last measured, in percent | `Drift > 5`",
}
"""What each holds, and a query."""


def pages() -> Mapping[str, str]:
    """Every page that is written, by its path."""
    return {
        "docs/metrics.md": metrics_page(),
        "docs/reference/commands.md": commands_page(),
        "docs/reference/environment.md": environment_page(),
        "docs/reference/exit-statuses.md": exit_statuses_page(),
        "docs/reference/http.md": http_page(),
        **what_to_do.pages(WRITTEN),
        "docs/reference/search-attributes.md": attributes_page(),
    }


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command by what is typed after ``rebalancer``, those of groups too."""
    yield from _commands(cast("click.Group", typer.main.get_command(app)), "")


def _commands(group: Any, before: str) -> Iterator[tuple[str, Any]]:
    for name, command in sorted(group.commands.items()):
        if hasattr(command, "commands"):
            yield from _commands(command, f"{before}{name} ")
        else:
            yield f"{before}{name}", command


def commands_page() -> str:
    """Commands with their arguments, options and an example each."""
    parts = ["# Commands", WRITTEN, "`rebalancer --help` tells the same. [Exit statuses](exit-statuses.md)."]
    for name, command in commands():
        told = " ".join((command.help or "").replace("|", "\\|").split())
        parts += [f"## rebalancer {name}", told, f"```sh\n{EXAMPLES[name]}\n```"]
        rows = [_row(each) for each in command.params if each.name != "help"]
        if rows:
            parts.append("\n".join(["| argument or option | meaning |", "|---|---|", *rows]))
    return "\n\n".join(parts) + "\n"


def _row(parameter: Any) -> str:
    names = ", ".join(parameter.opts + parameter.secondary_opts)
    shown = names if parameter.param_type_name == "option" else (parameter.metavar or str(parameter.name).upper())
    told = " ".join((getattr(parameter, "help", "") or "").replace("|", "\\|").split())
    return f"| `{shown.replace('|', chr(92) + '|')}` | {told} |"


def errors() -> list[type[RebalancerError]]:
    """Every typed error that somebody may see, by name."""
    for package in PACKAGES:
        if package in ("simulator", "testbed"):
            continue
        for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
            importlib.import_module(module.name)
    return sorted(
        {each for each in _below(RebalancerError) if not each.__name__.startswith("_")}, key=lambda e: e.__name__
    )


def _below(error: type[RebalancerError]) -> Iterator[type[RebalancerError]]:
    for each in error.__subclasses__():
        yield each
        yield from _below(each)


def attributes_page() -> str:
    """What the server's list can be asked for."""
    rows = [f"| `{each.name}` | {kind_of(each)} | {ATTRIBUTES[each.name]} |" for each in SEARCH_ATTRIBUTES]
    table = "\n".join(["| search attribute | type | holds | query |", "|---|---|---|---|", *rows])
    head = "What `temporal workflow list --query` and the Temporal UI can be asked for."
    return "\n\n".join(["# Search attributes", WRITTEN, head, table]) + "\n"
