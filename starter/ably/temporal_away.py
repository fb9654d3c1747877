"""A Temporal server that cannot be reached, or takes nothing at the moment: a reason to wait, never to end."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from temporalio.service import RPCError, RPCStatusCode

from starter.ably.channel_inbox import NotNowError
from starter.desk.temporal_errors import innermost_reason


class TemporalAwayError(NotNowError):
    """Temporal did not take or tell something. Trying again later helps."""


@asynccontextmanager
async def while_temporal_is_there() -> AsyncGenerator[None]:
    """Raises ``TemporalAwayError`` for whatever is not wrong with the request itself.

    A client that was never connected says so with a ``RuntimeError``.
    """
    try:
        yield
    except (RPCError, RuntimeError) as error:
        if isinstance(error, RPCError) and error.status is RPCStatusCode.INVALID_ARGUMENT:
            raise
        raise TemporalAwayError(f"Temporal does not answer as it should: {innermost_reason(error)}") from error
