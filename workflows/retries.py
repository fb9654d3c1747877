"""How what fails is tried again."""

from datetime import timedelta

from temporalio.common import RetryPolicy

from rebalancing.settings import Settings


def retry_policy(settings: Settings) -> RetryPolicy:
    """The configured back-off as Temporal's own. Temporal adds the jitter itself.

    Temporal sets no limit: it would count a lost worker like a failing gateway. How often a gateway may fail is counted
    where it fails (``activities.typed_failures``); whatever else happens ends with the call's own time-outs.
    """
    retry = settings.retry
    return RetryPolicy(
        initial_interval=timedelta(seconds=float(retry.base_delay)),
        maximum_interval=timedelta(seconds=float(retry.max_delay)),
        backoff_coefficient=float(retry.multiplier),
    )
