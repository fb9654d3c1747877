"""How the desk tells a running rebalance something: a workflow update, whose refusals become typed errors."""

from collections.abc import Generator
from contextlib import contextmanager

from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from rebalancing.errors import RebalancerError
from starter.desk.temporal_errors import is_unknown


class UpdateRefused(RebalancerError):
    """The account's rebalance did not take what it was told; the message holds its reason.

    Do: see the reason in the message; ``rebalancer status ACCOUNT`` shows what is waited for.
    """

    def __init__(self, account: str, refusal: BaseException) -> None:
        super().__init__(f"{account}: {refusal}")
        self._refusal = refusal

    @property
    def explained_as(self) -> str:
        """The refusal's own type says more."""
        kind = self._refusal.type if isinstance(self._refusal, ApplicationError) else None
        return kind or super().explained_as


@contextmanager
def update_of(account: str, none_runs: RebalancerError) -> Generator[None]:
    """Send an update to the account's rebalance in this block.

    Raises:
        UpdateRefused: the rebalance refused it.
        RebalancerError: ``none_runs``, where no rebalance of the account is running.
    """
    try:
        yield
    except WorkflowUpdateFailedError as error:
        raise UpdateRefused(account, error.cause or error) from None
    except RPCError as error:
        if not is_unknown(error):
            raise
        raise none_runs from None
