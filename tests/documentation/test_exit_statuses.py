"""Commands end with the statuses that docs/reference/exit-statuses.md says, and with no other."""

import re
import shlex
import signal
from pathlib import Path

from starter.cli import mistakes
from starter.cli.mistakes import EXIT_STATUSES, INTERRUPTED
from tests.cli.command import Desk, desk, up
from tests.documentation.exit_statuses_page import EXAMPLES
from tests.source_tree import ROOT

EXIT = re.compile(r"\bExit status (\d+)")


def test_every_status_has_a_meaning_and_an_example() -> None:
    constants = {value for name, value in vars(mistakes).items() if name.isupper() and isinstance(value, int)}
    assert constants == EXIT_STATUSES.keys() == EXAMPLES.keys()


def test_no_command_speaks_of_another() -> None:
    told = {
        int(number)
        for path in (ROOT / "starter" / "cli").rglob("*.py")
        for number in EXIT.findall(path.read_text(encoding="utf-8"))
    }
    assert told
    assert told <= EXIT_STATUSES.keys()


async def test_each_example_ends_so(tmp_path: Path) -> None:
    own = desk(tmp_path, accounts=None)
    async with up(own, "--simulated"):
        for status, example in EXAMPLES.items():
            _, *arguments = shlex.split(example.command)
            ended = await interrupted(own, *arguments) if status == INTERRUPTED else await status_of(own, *arguments)
            assert ended == status, example.command


async def status_of(own: Desk, *arguments: str) -> int:
    return (await own.run(*arguments)).status


async def interrupted(own: Desk, *arguments: str) -> int | None:
    """Its status after Ctrl-C, which comes once it waits. A shell's background job would have it ignored: not there."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = await own.start(*arguments)
    finally:
        signal.signal(signal.SIGINT, before)
    assert process.stderr is not None
    await process.stderr.readuntil(b"requested")
    process.send_signal(signal.SIGINT)
    await process.communicate()
    return process.returncode
