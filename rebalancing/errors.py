"""The typed errors of the application.

Each type says itself whether trying again can help (``retryable``); the activity layer turns that into Temporal's retry
decision. A message names the account or file, what happened and what to do.
"""

from datetime import timedelta
from typing import ClassVar


class RebalancerError(Exception):
    """Base of everything the application raises on purpose."""

    retryable: ClassVar[bool] = False
    retry_after: timedelta | None = None
    """When trying again can help, where that is known better than by backing off."""
    details: tuple[str, ...] = ()
    """What a program must know of it beside its type and message."""


class AccountUnknown(RebalancerError):
    """The account is not in the configuration, or is switched off there."""


class StrategyUnknown(RebalancerError):
    """No enabled account follows the strategy."""


class AccountRenamed(RebalancerError):
    """Something of the account is left under another name than it has by now (promises P1 and P2)."""


class OtherName(RebalancerError):
    """An account is asked for by another name than it has at the gateway; once it has that again, trying helps."""

    retryable = True


class AccountTypeMismatch(RebalancerError):
    """A paper account met a live login, or the reverse (promise P6)."""


class CallerRefused(RebalancerError):
    """Another workflow than the account's own asked for something at the gateway (promise P1)."""


class SearchAttributesMissing(RebalancerError):
    """Temporal's namespace lacks search attributes that workflows set, and does not let us make them."""


class ReleaseRefused(RebalancerError):
    """This release would break runs that are open, or leave them to nobody; it was not started."""


class OtherLogin(RebalancerError):
    """The gateway's login is not the one that the history in Temporal belongs to (promise P6)."""


class AccountInModels(RebalancerError):
    """The account's holdings are divided into model portfolios: several rows tell one position."""


class PositionsUnknown(RebalancerError):
    """IBKR refused to tell what the account holds."""


class FiguresUnreadable(RebalancerError):
    """The gateway tells a figure of an account that is no number."""

    retryable = True


class SymbolUnknown(RebalancerError):
    """The broker knows no such stock or ETF, or knows several."""


class GatewayTimeout(RebalancerError):
    """One request to the gateway had no answer within its own time-out."""

    retryable = True


class GatewayUnavailable(RebalancerError):
    """The gateway is not connected, or the connection was lost."""

    retryable = True


class GatewayRenewed(RebalancerError):
    """Orders went out on an earlier connection; on this one they are to be looked up by placing them again."""

    def __init__(self) -> None:
        super().__init__("The connection was made anew since these orders went out; they are looked up.")


class FiguresOld(RebalancerError):
    """What is asked about was planned on another connection: the account is to be read anew (promise P11)."""


class TradingHeld(RebalancerError):
    """Trading is halted, or paused for this account or its strategy."""


class HaltsUnread(RebalancerError):
    """Temporal did not say whether trading is held, so nothing was sent."""

    retryable = True


class SendingUnconfirmed(RebalancerError):
    """Temporal did not confirm that the sending of a leg begins, so none of it was sent."""

    retryable = True


class GatewaySettling(RebalancerError):
    """A new connection still waits for legs that an earlier connection left half sent."""

    retryable = True

    def __init__(self, left: timedelta) -> None:
        super().__init__("The connection to the gateway is new; unfinished legs go first. Tried again shortly.")
        self.retry_after = left


class AllocationsUnavailable(RebalancerError):
    """The allocations API could not be reached or answered with a server error."""

    retryable = True


class AllocationsRefused(RebalancerError):
    """The allocations API refused the request (wrong key, unknown strategy)."""
