"""What the failure of an activity means to a rebalance."""

from typing import Final, cast

from temporalio.exceptions import ActivityError, ApplicationError, TimeoutError

from contract.requests import NOTHING_SENT, SENDING_BEGAN
from rebalancing.errors import (
    FiguresOld,
    GatewayRenewed,
    GatewaySettling,
    GatewayUnavailable,
    RebalancerError,
    TradingHeld,
)
from rebalancing.failures import ActivityTimeout

Failure = ActivityError | ApplicationError | RebalancerError
"""What a step of a rebalance may fail with: an activity, a local one (its own error comes as it is), or the domain."""

FAILURES: Final = (ActivityError, ApplicationError, RebalancerError)

GATEWAY_AWAY: Final = frozenset({kind.__name__ for kind in (GatewayUnavailable, GatewayRenewed, GatewaySettling)})
"""Failures that mean "wait for the gateway", not "something is wrong"."""


def is_gateway_away(error: ActivityError) -> bool:
    """Whether waiting for the gateway is all that can be done, and enough."""
    cause = error.cause
    return isinstance(cause, ApplicationError) and cause.type in GATEWAY_AWAY


def is_to_read_anew(error: ActivityError) -> bool:
    """Whether nothing is wrong but that trading is held, or that the account was read on another connection."""
    return isinstance(error.cause, ApplicationError) and error.cause.type in (TradingHeld.__name__, FiguresOld.__name__)


def sending_began(error: ActivityError) -> bool:
    """Whether orders may be under way although ``place_leg`` failed: only the server's own word says that none are."""
    match error.cause:
        case ApplicationError() as failure:
            return NOTHING_SENT not in failure.details
        case TimeoutError() as failure:
            return SENDING_BEGAN in failure.last_heartbeat_details
        case _:
            return True


def own_error(error: Failure) -> ApplicationError:
    """What went wrong, as Temporal tells it: the error of the activity or of the domain itself.

    For an activity that gave none: what that means in words.
    """
    if isinstance(error, ActivityError) and not isinstance(error.cause, ApplicationError):
        error = ActivityTimeout(
            f"{error.activity_type} had no result in time ({error.cause}). Look whether a worker and the gateway are "
            "up."
        )
    if isinstance(error, RebalancerError):
        return ApplicationError(str(error), type=type(error).__name__, non_retryable=True)
    return cast(ApplicationError, error.cause) if isinstance(error, ActivityError) else error


def is_final(error: ActivityError | ApplicationError) -> bool:
    """Whether trying again cannot help."""
    failure = error.cause if isinstance(error, ActivityError) else error
    return isinstance(failure, ApplicationError) and failure.non_retryable
