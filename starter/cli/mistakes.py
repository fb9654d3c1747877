"""Turns what went wrong into one clear line and an exit status: 2 for what the user must correct, 1 for the rest."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final, ParamSpec, TypeVar

import typer

from starter.cli.console import error_console

T = TypeVar("T")
P = ParamSpec("P")

FAILED: Final = 1
MISTAKE: Final = 2
INTERRUPTED: Final = 130


class UserMistake(Exception):
    """Something that only the user can correct; the message says how."""


def as_asked(make: Callable[P, T], *none: P.args, **given: P.kwargs) -> T:
    """The request that what a user gave makes. Raises ``UserMistake`` with what is wrong and where it was given."""
    from pydantic import ValidationError

    for name, value in given.items():
        if isinstance(value, str) and not value.isprintable():
            raise UserMistake(f"{name}: only text that can be printed is taken.")
    try:
        return make(*none, **given)
    except ValidationError as invalid:
        problem = invalid.errors(include_url=False)[0]
        option = "-".join(str(part) for part in problem["loc"]).replace("_", "-")
        raise UserMistake(f"{option}: {problem['msg']}.") from None


class CommandFailed(Exception):
    """The command could not do its work; the message says why."""


def complete(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's work. What it raises on purpose ends the program with its message instead of a traceback."""
    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
    except Exception as raised:
        error = _the_one(raised)
        status = exit_status(error)
        if status is None:
            raise
        if message := told_of(error):
            error_console().print(message, style="red", markup=False, soft_wrap=True)
        raise typer.Exit(status) from None


def _the_one(error: Exception) -> Exception:
    """What ended services that run side by side: the error of one of them, if it is the only one."""
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def exit_status(error: Exception) -> int | None:
    """The exit status an error stands for; ``None`` for one that nobody foresaw."""
    # Imported here because reading the configuration costs more than printing a help text.
    from temporalio.service import RPCError

    from configuration.configuration import ConfigurationInvalid
    from rebalancing.errors import AccountUnknown, OtherLogin, RebalancerError
    from starter.cli.stopping import Stopped
    from worker.database_lock import DatabaseUnusable
    from worker.temporal import ServerNotStarted

    if isinstance(error, Stopped):
        return INTERRUPTED
    if isinstance(error, UserMistake | ConfigurationInvalid | AccountUnknown | OtherLogin | DatabaseUnusable):
        return MISTAKE
    if isinstance(error, CommandFailed | RebalancerError | ServerNotStarted | RPCError):
        return FAILED
    return None


def told_of(error: Exception) -> str:
    """What people are told of an error that was foreseen."""
    from temporalio.service import RPCError

    if isinstance(error, RPCError):
        return f"The Temporal server refused: {(error.message or error.status.name).rstrip('.')}."
    return str(error)
