"""docs/reference/exit-statuses.md: what a command's end says to the script that called it."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from starter.cli.mistakes import DONE, EXIT_STATUSES, FAILED, INTERRUPTED, MISTAKE, WAITS_FOR_YOU
from tests.documentation.written_part import WRITTEN

HEAD: Final = (
    "What a command tells the script that called it. The examples are for `rebalancer up --simulated` without an "
    "`accounts.yaml`, in this order."
)


class Example(NamedTuple):
    """A command that ends so, and why it does."""

    command: str
    why: str


EXAMPLES: Final[Mapping[int, Example]] = {
    DONE: Example("rebalancer run DU1000001 --wait", "a dry run, which completes"),
    FAILED: Example("rebalancer run DU1000006 --live --wait --yes", "a guard stops it"),
    MISTAKE: Example("rebalancer run DU9999999 --wait", "there is no such account"),
    WAITS_FOR_YOU: Example("rebalancer run DU1000004 --live --wait --yes", "its plan waits for approval"),
    INTERRUPTED: Example("rebalancer run DU1000005 --live --wait --yes", "Ctrl-C ends the waiting"),
}


def exit_statuses_page() -> str:
    """Every status with a command that ends so."""
    rows = [f"| {status} | {meaning} | {_told(EXAMPLES[status])} |" for status, meaning in EXIT_STATUSES.items()]
    table = "\n".join(["| status | meaning | example |", "|---|---|---|", *rows])
    return "\n\n".join(["# Exit statuses", WRITTEN, HEAD, table]) + "\n"


def _told(example: Example) -> str:
    return f"`{example.command}`: {example.why}"
