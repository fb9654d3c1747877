"""Exit statuses (docs/reference/exit-statuses.md), and what went wrong in one clear line."""

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any, Final, TypeVar

import typer

from starter.cli.console import error_console

T = TypeVar("T")

DONE: Final = 0
FAILED: Final = 1
"""It failed, or a rebalance did not come to its end."""
MISTAKE: Final = 2
"""To be corrected by whoever typed it."""
WAITS_FOR_YOU: Final = 3
"""Something waits for a person's word."""
INTERRUPTED: Final = 130

EXIT_STATUSES: Final[Mapping[int, str]] = {
    DONE: "done; nothing waits for you",
    FAILED: "it failed, or a rebalance ended otherwise than completed, or you said no; `doctor`: something is wrong",
    MISTAKE: (
        "yours to correct: a release that open runs do not fit, an option, the configuration, an account or strategy "
        "that is not known, or a yes that nobody could be asked for"
    ),
    WAITS_FOR_YOU: (
        "something waits for you: a plan for approval, an order of unknown fate, or trading that is halted (`status`, "
        "`run --wait`, `plan`, `retry --wait`, `approve`)"
    ),
    INTERRUPTED: "a signal ended the command; a rebalance that it waited for goes on",
}
"""What each means, for the documents."""


class CommandFailed(Exception):
    """The command could not do its work; the message says why."""


def complete(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's work. What it raises on purpose ends the program with its message instead of a traceback."""
    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
    except Exception as raised:
        # Imported here because reading the configuration costs more than printing a help text.
        from rebalancing.errors import RebalancerError
        from starter.desk.mistakes import told_of

        error = _the_one(raised)
        status = exit_status(error)
        if status is None:
            raise
        if message := told_of(error):
            if isinstance(error, RebalancerError):
                message = error.with_command
            error_console().print(message, style="red", markup=False, soft_wrap=True)
        raise typer.Exit(status) from None


def _the_one(error: Exception) -> Exception:
    """What ended services that run side by side: the error of one of them, if it is the only one."""
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def exit_status(error: Exception) -> int | None:
    """The exit status an error stands for; ``None`` for one that nobody foresaw."""
    from starter.cli.stopping import Stopped
    from starter.desk.mistakes import FORESEEN, MISTAKES
    from worker.database_lock import DatabaseUnusable
    from worker.temporal import ServerNotStarted

    if isinstance(error, Stopped):
        return INTERRUPTED
    if isinstance(error, (*MISTAKES, DatabaseUnusable)):
        return MISTAKE
    if isinstance(error, (*FORESEEN, CommandFailed, ServerNotStarted)):
        return FAILED
    return None
