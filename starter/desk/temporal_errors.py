"""What the errors of Temporal's client library mean."""

import re

from temporalio.service import RPCError, RPCStatusCode


def is_unknown(error: RPCError) -> bool:
    """Whether the server has no such (running) workflow; a namespace it does not have is another matter."""
    return error.status is RPCStatusCode.NOT_FOUND and "namespace" not in error.message.lower()


def is_away(error: Exception) -> bool:
    """Whether this is how a client that connects when it is first used says that there is no server."""
    return isinstance(error, RuntimeError) and "client connect" in str(error).lower()


def innermost_reason(error: Exception) -> str:
    """The innermost message of what the library reports in its own nested form."""
    quoted = re.findall(r'message: "([^"]+)"', str(error))
    return quoted[-1] if quoted else " ".join(str(error).split())[:200]
