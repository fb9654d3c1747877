"""Turns the application's typed errors into Temporal failures: the type decides whether trying again can help."""

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Final

from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.worker import ExecuteActivityInput

from activities.interception import Around
from rebalancing.errors import HaltsUnread, OtherName, RebalancerError, SendingUnconfirmed

GATEWAY_ATTEMPTS: Final = 5
"""A gateway that is connected but fails this often at the same thing will not be mended by trying on."""

NOT_OF_GATEWAY: Final = (OtherName, HaltsUnread, SendingUnconfirmed)
"""What the configuration is to blame for, or what Temporal did not answer, says nothing of the gateway either."""


class TypedFailures(Around):
    """Worker interceptor that keeps an error's type name and its retryability on the way to the workflow.

    ``attempts`` is how often the same activity may fail on this worker before that is final. Temporal's own count would
    not do: it contains the attempts that were lost with a killed or frozen worker, which say nothing of the gateway.
    """

    def __init__(self, attempts: int | None = None) -> None:
        self._attempts = attempts
        self._failed: Counter[tuple[str | None, str]] = Counter()

    async def around(self, _input: ExecuteActivityInput, run: Callable[[], Awaitable[Any]], /) -> Any:
        """Run the activity; what it raises becomes a failure of its type."""
        info = activity.info()
        own = info.workflow_run_id or info.activity_run_id, info.activity_id
        try:
            result = await run()
        except ApplicationError:
            raise
        except Exception as error:
            if not isinstance(error, NOT_OF_GATEWAY):
                self._failed[own] += 1
            is_final = not _is_retryable(error) or self._failed[own] == self._attempts
            if is_final:
                self._failed.pop(own, None)
            # Only with what is final: whoever reaches Temporal could send what one attempt said as the word of a later.
            details = error.details if is_final and isinstance(error, RebalancerError) else ()
            raise ApplicationError(
                str(error),
                *details,
                type=type(error).__name__,
                non_retryable=is_final,
                next_retry_delay=error.retry_after if isinstance(error, RebalancerError) else None,
            ) from error
        self._failed.pop(own, None)
        return result


def _is_retryable(error: Exception) -> bool:
    """A defect, which is no typed error, is tried again too: another state of the world may not meet it."""
    return error.retryable if isinstance(error, RebalancerError) else True
