"""Turns the application's typed errors into Temporal failures: the type decides whether trying again can help."""

from typing import Any

from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from rebalancing.errors import RebalancerError


class TypedFailures(Interceptor):
    """Worker interceptor that keeps an error's type name and its retryability on the way to the workflow."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """Wrap every activity."""
        return _TypedFailures(next)


class _TypedFailures(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        try:
            return await super().execute_activity(input)
        except RebalancerError as error:
            raise ApplicationError(
                str(error),
                type=type(error).__name__,
                non_retryable=not error.retryable,
                next_retry_delay=error.retry_after,
            ) from error
