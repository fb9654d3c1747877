"""What is done around every activity of a worker, without Temporal's chain of interceptors in sight."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor


class Around(Interceptor, ABC):
    """Does something before and after each activity."""

    @abstractmethod
    async def around(self, input: ExecuteActivityInput, run: Callable[[], Awaitable[Any]], /) -> Any:
        """Have the activity ``run``, and give its result."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """Wrap every activity."""
        return _Inbound(next, self)


class _Inbound(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, outer: Around) -> None:
        super().__init__(next)
        self._outer = outer

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        return await self._outer.around(input, partial(super().execute_activity, input))
