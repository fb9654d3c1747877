"""How long a rebalance has worked: waiting for the gateway, a market, a turn or a person is not counted."""

from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Final

from temporalio import workflow

GATEWAY_ALLOWANCE: Final = timedelta(seconds=30)
"""A call to the gateway that takes longer than this waits for its connection or its slot, and is no longer work."""


class OperationClock:
    """Counts working time by the workflow's own clock, so that it is the same on every replay."""

    def __init__(self) -> None:
        self._started = workflow.now()
        self._excluded = timedelta()
        self._excluding_from: datetime | None = None

    @property
    def worked(self) -> timedelta:
        """Working time so far."""
        return workflow.now() - self._started - self._excluded - self._running_exclusion()

    @property
    def is_waiting(self) -> bool:
        """Whether time is not counted at this moment."""
        return self._running_exclusion() > timedelta()

    @property
    def is_within_wait(self) -> bool:
        """Whether something is awaited that is not counted, or will not be once its allowance is over."""
        return self._excluding_from is not None

    @contextmanager
    def waiting(self, allowance: timedelta = timedelta()) -> Generator[None]:
        """Do not count what this block takes beyond ``allowance``.

        A block within another that is not counted already changes nothing.
        """
        excluding_from = workflow.now() + allowance
        if self._excluding_from is not None and self._excluding_from <= excluding_from:
            yield
            return
        self._excluding_from = excluding_from
        try:
            yield
        finally:
            # A worker that throws a workflow out of its memory closes its coroutines outside of it, where no clock is.
            if workflow.in_workflow():
                self._excluded += self._running_exclusion()
                self._excluding_from = None

    def _running_exclusion(self) -> timedelta:
        if self._excluding_from is None:
            return timedelta()
        return max(workflow.now() - self._excluding_from, timedelta())
