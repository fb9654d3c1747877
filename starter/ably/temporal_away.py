"""A Temporal server that cannot be reached, or takes nothing at the moment: a reason to wait, never to end."""

import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from temporalio.service import RPCError, RPCStatusCode

from starter.ably.channel_inbox import NotNowError


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
        raise TemporalAwayError(f"Temporal does not answer as it should: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    """The innermost message of what the client library reports in its own nested form."""
    quoted = re.findall(r'message: "([^"]+)"', str(error))
    return quoted[-1] if quoted else " ".join(str(error).split())[:200]
