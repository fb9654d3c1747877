"""What went wrong, in the words that people are told whichever way they asked, and whose it is to correct."""

from collections.abc import Callable
from typing import Final, ParamSpec, TypeVar

from pydantic import ValidationError
from temporalio.service import RPCError

from configuration.configuration import ConfigurationInvalid
from rebalancing.errors import (
    AccountRenamed,
    AccountUnknown,
    OtherLogin,
    RebalancerError,
    ReleaseRefused,
    StrategyUnknown,
)
from starter.desk.schedules import ScheduleRefused

T = TypeVar("T")
P = ParamSpec("P")


class UserMistake(Exception):
    """Something that only the user can correct; the message says how."""


MISTAKES: Final = (
    UserMistake,
    ConfigurationInvalid,
    AccountRenamed,
    AccountUnknown,
    StrategyUnknown,
    ScheduleRefused,
    OtherLogin,
    ReleaseRefused,
)
"""What only the user can correct."""

FORESEEN: Final = (*MISTAKES, RebalancerError, RPCError)
"""What is raised on purpose, or by a server that refuses; ``told_of`` says all that there is to say."""


def as_asked(make: Callable[P, T], *none: P.args, **given: P.kwargs) -> T:
    """The request that what a user gave makes. Raises ``UserMistake`` with what is wrong and where it was given."""
    for name, value in given.items():
        if isinstance(value, str) and not value.isprintable():
            raise UserMistake(f"{name}: only text that can be printed is taken.")
    try:
        return make(*none, **given)
    except ValidationError as invalid:
        problem = invalid.errors(include_url=False)[0]
        option = "-".join(str(part) for part in problem["loc"]).replace("_", "-")
        raise UserMistake(f"{option}: {problem['msg']}.") from None


def told_of(error: Exception) -> str:
    """What people are told of an error that was foreseen."""
    if isinstance(error, RPCError):
        return f"The Temporal server refused: {(error.message or error.status.name).rstrip('.')}."
    return str(error)
