"""Refuses, before anything is traded, a plan that exchange or broker would not carry out as configured."""

from datetime import timedelta

from temporalio import workflow

from rebalancing.accounts import Account
from rebalancing.failures import AccountFailure
from rebalancing.orders.obstacles import Patience, obstacles
from rebalancing.settings import Settings
from workflows.approval import Reading


class OrderRules:
    """The rules of ``rebalancing.orders.obstacles`` for one account."""

    def __init__(self, account: Account, settings: Settings) -> None:
        self._account = account
        self._patience = Patience(
            fill_timeout=timedelta(seconds=float(settings.fill_timeout)),
            max_wait=timedelta(seconds=float(settings.max_wait)),
        )

    def refuse(self, reading: Reading) -> None:
        """Raise the typed failure of the first obstacle there is now."""
        for obstacle in self._obstacles(reading):
            raise obstacle

    def would_say(self, reading: Reading) -> list[str]:
        """What would stop a live run now, for a dry run."""
        return [f"a live run would be refused: {obstacle.what}" for obstacle in self._obstacles(reading)]

    def _obstacles(self, reading: Reading) -> tuple[AccountFailure, ...]:
        return obstacles(self._account, reading.plan, reading.opening, workflow.now(), self._patience)
