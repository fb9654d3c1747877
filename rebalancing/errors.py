"""The typed errors of the application.

Each type says itself whether trying again can help (``retryable``); the activity layer turns that into Temporal's retry
decision. A message names the account or file, what happened and what to do.
"""

from datetime import timedelta
from typing import ClassVar, Final


class RebalancerError(Exception):
    """Base of everything the application raises on purpose."""

    retryable: ClassVar[bool] = False
    retry_after: timedelta | None = None
    """When trying again can help, where that is known better than by backing off."""
    details: tuple[str, ...] = ()
    """What a program must know of it beside its type and message."""

    @property
    def explained_as(self) -> str:
        """The type by which it is looked up (``rebalancer explain``)."""
        return type(self).__name__

    @property
    def with_command(self) -> str:
        """Its message, which ends with the command that explains it."""
        return with_command(str(self), self.explained_as)


_MORE: Final = "More: rebalancer explain"


def with_command(message: str, kind: str | None) -> str:
    """A failure's message, which ends with the command that says what its type means, and what to do.

    As it is where it ends so already, or where the failure has no type.
    """
    return message if not kind or _MORE in message else f"{message} {_MORE} {kind}"


class AccountUnknown(RebalancerError):
    """The account is not in the configuration, or is switched off there.

    Do: look at the spelling and at ``enabled:`` in accounts.yaml; ``rebalancer status`` lists the accounts that are
    known.
    """


class StrategyUnknown(RebalancerError):
    """No enabled account follows the strategy.

    Do: look at ``strategy_name`` of the accounts and at their ``enabled:``; ``rebalancer status`` shows who follows
    what.
    """


class AccountRenamed(RebalancerError):
    """Something of the account is left under another name than it has by now (promises P1 and P2).

    Do: give the account its old name back, let what is open end (or end the pause), then rename it. The message names
    the old name.
    """


class OtherName(RebalancerError):
    """An account is asked for by another name than it has at the gateway; once it has that again, trying helps.

    Do: give every worker the same accounts.yaml and restart those that have an older one; then it goes on by itself.
    """

    retryable = True


class AccountTypeMismatch(RebalancerError):
    """A paper account met a live login, or the reverse (promise P6).

    Do: look which login the gateway has, and log in to the other one. Correct ``type`` in accounts.yaml only where it
    is wrong for that account number; never set ``type: live`` to make this go away.
    """


class CallerRefused(RebalancerError):
    """Another workflow than the account's own asked for something at the gateway (promise P1).

    Do: nothing was done for that workflow. If it was yours, trigger the account by its own id, ``rebalance-ACCOUNT``
    (docs/triggering.md); if not, look who reaches Temporal (SECURITY.md).
    """


class SearchAttributesMissing(RebalancerError):
    """Temporal's namespace lacks search attributes that workflows set, and does not let us make them.

    Do: have somebody with the right run the ``temporal operator search-attribute create`` line that the message holds,
    then start the worker again.
    """


class ReleaseRefused(RebalancerError):
    """This release would break runs that are open, or leave them to nobody; it was not started.

    Do: go back to the release that ran, let its open runs end (``rebalancer doctor`` lists them), then start this one;
    or take a release that can replay them. See docs/upgrading.md.
    """


class OtherLogin(RebalancerError):
    """The gateway's login is not the one that the history in Temporal belongs to (promise P6).

    Do: log in to the gateway as before, or give this login a history of its own: another ``--database`` or namespace.
    Only if this login shall go on with that history: cancel what is unfinished, then run the command that the message
    names.
    """


class AccountInModels(RebalancerError):
    """The account's holdings are divided into model portfolios: several rows tell one position.

    Do: take the account out of its model portfolios in TWS, or out of accounts.yaml.
    """


class PositionsUnknown(RebalancerError):
    """IBKR refused to tell what the account holds.

    Do: look in TWS whether this login may see the account and whether it shows its positions; then ``rebalancer retry
    ACCOUNT``.
    """


class FiguresUnreadable(RebalancerError):
    """The gateway tells a figure of an account that is no number.

    Do: it is tried again; after five times the rebalance fails. Look at the account in TWS, and restart the gateway if
    the figures are right there; then ``rebalancer retry ACCOUNT``.
    """

    retryable = True


class SymbolUnknown(RebalancerError):
    """The broker knows no such stock or ETF, or knows several.

    Do: correct the symbol where the weights come from, or name its replacement in ``replacement_sets``. Look it up in
    TWS as a stock or ETF in US dollars.
    """


class GatewayTimeout(RebalancerError):
    """One request to the gateway had no answer within its own time-out.

    Do: look at the gateway's window: a dialog, or a lost link to IBKR, keeps it from answering. It is tried again;
    after five times on one connection the rebalance fails. Look in TWS then whether orders of it still work
    (``rebalancer cancel --at-broker ACCOUNT`` cancels them), before ``rebalancer retry ACCOUNT``.
    """

    retryable = True


class GatewayUnavailable(RebalancerError):
    """The gateway is not connected, or the connection was lost.

    Do: start IB Gateway or log in, confirm the second factor, look at host and port (``IBKR_HOST``, ``IBKR_PORT``).
    What waits goes on by itself then, if ``max_wait`` is not over.
    """

    retryable = True


class GatewayRenewed(RebalancerError):
    """Orders went out on an earlier connection; on this one they are to be looked up by placing them again.

    Do: nothing; each order is looked up by its ref on the new connection before anything else is sent.
    """

    def __init__(self) -> None:
        super().__init__("The connection was made anew since these orders went out; they are looked up.")


class FiguresOld(RebalancerError):
    """What is asked about was planned on another connection: the account is to be read anew (promise P11).

    Do: nothing; the account is read anew by itself.
    """


class TradingHeld(RebalancerError):
    """Trading is halted, or paused for this account or its strategy.

    Do: ``rebalancer status`` says who holds it, why, and which command ends that. Run it when the reason is over; the
    rebalance waits until then, and fails after ``max_wait``.
    """


class HaltsUnread(RebalancerError):
    """Temporal did not say whether trading is held, so this try sent nothing.

    Do: nothing; it is tried again. If Temporal is away, bring it back: without its word nothing is sent.
    """

    retryable = True


class SendingUnconfirmed(RebalancerError):
    """Temporal did not confirm that the sending of a leg begins, so this try sent none of it.

    Do: nothing; it is tried again, and what another try may have sent is looked up first. If Temporal is away, bring it
    back.
    """

    retryable = True


class GatewaySettling(RebalancerError):
    """A new connection still waits for legs that an earlier connection left half sent.

    Do: nothing; it takes some seconds after a new connection.
    """

    retryable = True

    def __init__(self, left: timedelta) -> None:
        super().__init__("The connection to the gateway is new; unfinished legs go first. Tried again shortly.")
        self.retry_after = left


class AllocationsUnavailable(RebalancerError):
    """The allocations API could not be reached or answered with a server error.

    Do: nothing at first; it is tried again until ``concurrency.operation_timeout`` is over. If the rebalance failed of
    it (OperationTimeout while reading): ask the publisher, then ``rebalancer retry ACCOUNT``.
    """

    retryable = True


class AllocationsRefused(RebalancerError):
    """The allocations API refused the request (wrong key, unknown strategy).

    Do: look at ``ALLOCATIONS_API_KEY``, ``strategy_name`` and the address; an account's own ``url`` gets the key only
    where ``base_url`` is on the same host. ``rebalancer plan ACCOUNT`` tries it without trading.
    """
