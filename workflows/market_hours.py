"""Waits until everything that must trade can trade at the same moment, or says why that will not be.

The wait is Temporal's own timer, so it outlives workers; it shows as the phase, in the current details and as the
timer's summary.
"""

from collections.abc import Callable, Iterable
from datetime import datetime

from temporalio import workflow

from contract.summaries import listed
from rebalancing import failures
from rebalancing.accounts import Account, WhenClosed
from rebalancing.market.snapshot import ContractDetails
from rebalancing.market.trading_hours import TradingSession, common_sessions, is_open, next_open, on_the_clocks_of
from rebalancing.outcomes import Phase
from workflows.run_state import RunState
from workflows.waits import Waits


class MarketHours:
    """The trading hours of what one rebalance must trade."""

    def __init__(self, account: Account, state: RunState, waits: Waits) -> None:
        self._account = account
        self._state = state
        self._waits = waits

    def closed(self, contracts: Iterable[ContractDetails]) -> tuple[str, ...]:
        """The symbols that cannot trade now. Raises ``HoursUnreadable`` for hours nobody can tell that by."""
        traded = tuple(contracts)
        for contract in traded:
            if contract.hours_problem:
                raise failures.HoursUnreadable(
                    self._account.account_id,
                    f"the trading hours of {contract.symbol} (contract {contract.con_id}) cannot be read: "
                    f"{contract.hours_problem}. Hold the symbol out, or trade it by hand.",
                )
        return closed_now(self._account, traded)

    async def wait(
        self,
        contracts: Iterable[ContractDetails],
        newer_event: Callable[[], bool],
    ) -> None:
        """Sleep until all of them trade, or a newer event comes.

        Raises ``MarketClosed`` where the account does not wait or the broker's calendar has no such moment, and
        ``WaitedTooLong`` where it lies beyond ``max_wait``.
        """
        traded = tuple(contracts)
        now = workflow.now()
        closed = listed(self.closed(traded))
        opens_at = self._opens_at(traded, now)
        when = on_the_clocks_of((contract.time_zone for contract in traded), opens_at)
        if self._account.market_closed is WhenClosed.FAIL:
            raise failures.MarketClosed(
                self._account.account_id,
                f"the market is closed for {closed} and this account does not wait (market_closed: fail); everything "
                f"trades from {when}.",
            )
        self._state.enter(Phase.WAITING_FOR_MARKET, f"{closed} until {when}")
        exchanges = listed(contract.primary_exchange or "the market" for contract in traded)
        await self._waits.for_at_most(opens_at - now, newer_event, f"{exchanges} to open, {when}, for {closed}")

    def _opens_at(self, traded: tuple[ContractDetails, ...], now: datetime) -> datetime:
        hours = {contract.symbol: hours_of(self._account, contract) for contract in traded}
        silent = [symbol for symbol, sessions in hours.items() if next_open(sessions, now) is None]
        if silent:
            raise failures.MarketClosed(
                self._account.account_id,
                f"the broker names no coming session for {', '.join(silent)}; look whether it was delisted or halted.",
            )
        opens_at = next_open(common_sessions(hours.values()), now)
        if opens_at is None:
            raise failures.NoCommonSession(
                self._account.account_id,
                f"there is no moment in the broker's calendar when {_listed(traded)} trade at the same time. Hold "
                "symbols of one of these exchanges in an account of their own, or hold them out.",
            )
        return opens_at


def hours_of(account: Account, contract: ContractDetails) -> tuple[TradingSession, ...]:
    """When this account trades the symbol: in regular hours, or before and after them too."""
    return contract.hours(extended=account.policy_for(contract.symbol).extended_hours)


def closed_now(account: Account, contracts: Iterable[ContractDetails]) -> tuple[str, ...]:
    """The symbols that this account cannot trade at this moment of workflow time."""
    now = workflow.now()
    return tuple(contract.symbol for contract in contracts if not is_open(hours_of(account, contract), now))


def _listed(traded: tuple[ContractDetails, ...]) -> str:
    """Symbols by exchange: which of them go together is what the reader must see."""
    exchanges: dict[str, list[str]] = {}
    for contract in traded:
        exchanges.setdefault(contract.primary_exchange or "an unnamed exchange", []).append(contract.symbol)
    return " and ".join(f"{', '.join(symbols)} ({exchange})" for exchange, symbols in exchanges.items())
