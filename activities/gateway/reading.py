"""Reading an account: values, positions, contracts and quotes, with as few requests as the protocol allows.

Positions and values are subscribed to once per connection and kept by what the gateway pushes; contract details and
quotes are shared by all accounts.
"""

import asyncio
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from activities.gateway import translation
from activities.gateway.broker_figures import FiguresReader
from activities.gateway.funding_reader import FundingReader
from activities.gateway.intent_judge import trading_day
from activities.gateway.quote_feed import LINES, QuoteFeed
from activities.gateway.session import GatewaySession
from contract.requests import SnapshotRequest
from rebalancing.accounts import AccountType
from rebalancing.errors import AccountTypeMismatch, AccountUnknown, PositionsUnknown, SymbolUnknown
from rebalancing.funding.account_kind import AccountKind, effective_kind
from rebalancing.market.snapshot import AccountSnapshot, ContractDetails, OpenOrder
from rebalancing.orders.order import refers_to
from rebalancing.orders.placed_order import PlacedOrder, run_part

CONTRACT_LIFETIME: Final = timedelta(hours=1)
"""How long a contract's details are shared. They change at most daily, but hold only a week of trading hours."""

SUBSCRIBED_AT_ONCE: Final = 20
"""Accounts whose values are subscribed to in one visit: less than half a second's messages."""

CONTRACT_RENEWAL: Final = 0.75 * CONTRACT_LIFETIME
"""When they are read anew ahead of events, so that none grows too old while that waits for the slot to be idle."""

MOST_SYMBOLS_A_VISIT: Final = 16
"""Symbols that one visit asks for, two messages each: the reading of a large account holds nobody up for long."""

OPEN_ORDERS_LIFETIME = timedelta(seconds=1)
"""How old the list of other clients' orders may be; one request serves all accounts that rebalance at the same time."""


class AccountReader:
    """Answers what an account holds and what its symbols cost, over one session."""

    def __init__(self, session: GatewaySession, quotes: QuoteFeed) -> None:
        self._session = session
        self._contracts: dict[str, tuple[ContractDetails, datetime]] = {}
        self._quotes = quotes
        self._subscribed: set[str] = set()
        self._funding = FundingReader(session)
        self._figures = FiguresReader(session.values)

    async def snapshot(self, request: SnapshotRequest, *, with_open_orders: bool = True) -> AccountSnapshot:
        """Read what the request asks for; of many new symbols some are left for another visit (``unread``).

        A symbol without a price has a quote that says why; ``rebalancing.market.quote_checks`` judges quotes. Other
        clients' open orders matter at the beginning only; without ``with_open_orders`` they stay as last read.

        Raises:
            AccountUnknown, AccountTypeMismatch: this login does not manage the account, or is of the other type.
            AccountInModels, PositionsUnknown: its holdings are divided into models, or are not told.
            SymbolUnknown: a symbol has no contract.
            GatewayTimeout, GatewayUnavailable: trying again helps.
        """
        account, held_out = request.account, request.held_out
        self._session.require()
        self._require_account(account, request.account_type)
        await self._session.positions.ask(account, self._session.request)
        await self._subscribe_values(account, held_out)
        if with_open_orders and datetime.now(UTC) - self._session.open_orders_read_at > OPEN_ORDERS_LIFETIME:
            await self._session.refresh_open_orders()
        positions, fractions, unmanaged = self._positions(account)
        wanted = {*request.symbols, *positions, *fractions} - held_out - {*request.known}
        now_read = self._readable_now(wanted)
        contracts = await self._contract_details(sorted(now_read))
        quotes = await self._quotes.quotes({symbol: contract.con_id for symbol, contract in contracts.items()})
        taken_at = datetime.now(UTC)
        figures = self._figures.figures(account)
        cash_told = self._session.cash.cash(account, figures.cash, taken_at)
        cash = figures.cash if cash_told is None else cash_told
        kind = effective_kind(request.funding, self._funding.kind(account))
        return AccountSnapshot(
            account=account,
            taken_at=taken_at,
            connection=self._session.name,
            cash=cash,
            cash_is_settled=cash_told is not None,
            unsettled_refs=tuple(sorted(self._session.cash.recent_refs(account, taken_at)))
            if cash_told is None
            else (),
            figures=figures,
            clock_ahead=self._session.clock_ahead,
            kind=kind,
            bought_unsettled=self._funding.bought_unsettled(account, cash, taken_at)
            if kind is AccountKind.CASH
            else (),
            positions=positions,
            fractions=fractions,
            unmanaged=unmanaged,
            open_orders=self._open_orders(account),
            contracts={symbol: each for symbol, each in contracts.items() if symbol not in request.known_contracts},
            quotes=quotes,
            unread=tuple(sorted(wanted - now_read)),
            average_costs=self._average_costs(account) if request.costs else {},
            placed_orders=() if request.known_refs is None else self._placed_orders(account, request.known_refs),
        )

    def is_pushed(self, request: SnapshotRequest) -> bool:
        """Whether all of such a snapshot but the open orders is at hand, so that it sends no request."""
        if self._session.lost.is_set() or not self._are_figures_told(request.account, request.held_out):
            return False
        positions, fractions, _ = self._positions(request.account)
        wanted = {*request.symbols, *positions, *fractions} - request.held_out
        return wanted <= self._known_contracts() and self._quotes.streams_all(wanted)

    def held(self, account: str) -> set[str]:
        """The symbols that an account holds, as far as the gateway has told them by itself."""
        try:
            positions, fractions, _ = self._positions(account)
        except PositionsUnknown:
            return set()
        return {*positions, *fractions}

    def contracts_since(self, moment: datetime) -> set[str]:
        """The symbols whose contract details were read after this moment."""
        return {symbol for symbol, (_, read_at) in self._contracts.items() if read_at > moment}

    async def read_contracts(self, symbols: Collection[str]) -> None:
        """Read the contract details of these symbols, so that no snapshot needs to ask for them for an hour.

        Whoever asks: of no more than one visit may hold the slot for.
        """
        at_hand = self.contracts_since(datetime.now(UTC) - CONTRACT_RENEWAL)  # a rebalance may have been quicker
        missing = [symbol for symbol in symbols if symbol not in at_hand]
        await asyncio.gather(*(self._details(symbol) for symbol in missing[:MOST_SYMBOLS_A_VISIT]))

    def _readable_now(self, wanted: set[str]) -> set[str]:
        """Which of these one visit reads: what is at hand, and as many more as it may ask for."""
        contracts = self._known_contracts()
        at_hand = {symbol for symbol in wanted if symbol in contracts and self._quotes.streams_all((symbol,))}
        asked = sorted(wanted - at_hand)[:MOST_SYMBOLS_A_VISIT]
        return set(sorted({*at_hand, *asked})[:LINES])

    def _known_contracts(self) -> set[str]:
        return self.contracts_since(datetime.now(UTC) - CONTRACT_LIFETIME)

    def _require_account(self, account: str, account_type: AccountType) -> None:
        managed = self._session.accounts
        if account not in managed:
            raise AccountUnknown(
                f"Account {account} is not managed by the gateway's login (it manages {', '.join(managed)}). "
                "Log the gateway in with the right user, or correct the account in accounts.yaml."
            )
        actual = AccountType.of(self._session.names.number_of(account))
        if actual != account_type:
            raise AccountTypeMismatch(
                f"Account {account} is configured as {account_type} but is a {actual} account. "
                "Correct its type in accounts.yaml."
            )

    async def _subscribe_values(self, account: str, held_out: frozenset[str]) -> None:
        """Have the gateway tell this account's values from now on, where no subscription for all accounts does.

        Others that it does not tell yet are asked for in the same visit: they are likely to come next.
        """
        if account in self._subscribed or self._are_figures_told(account, held_out):
            return
        managed = self._session.accounts
        unread = (other for other in managed if other != account and other not in self._subscribed)
        others = [other for other in unread if not self._figures.are_told(other, plain=True)]
        asked = [account, *others[: SUBSCRIBED_AT_ONCE - 1]]
        results = await asyncio.gather(*(self._subscribe(each) for each in asked), return_exceptions=True)
        if isinstance(results[0], BaseException):
            raise results[0]

    async def _subscribe(self, account: str) -> None:
        ib = self._session.ib
        await self._session.request(f"the values of {account}", lambda: ib.reqAccountUpdatesMultiAsync(account))
        if self._figures.are_told(account, plain=False):  # a refusal looks like an empty answer
            self._subscribed.add(account)

    def _are_figures_told(self, account: str, held_out: frozenset[str]) -> bool:
        holdings = self._session.positions.of(account)
        plain = all(holding.is_managed and holding.symbol not in held_out for holding in holdings)
        return self._figures.are_told(account, plain=plain)

    def _positions(self, account: str) -> tuple[dict[str, int], dict[str, Decimal], tuple[str, ...]]:
        """Whole shares, fractions of a share (dividend reinvestment leaves them), and a line for all the rest."""
        managed: dict[str, int] = {}
        fractions: dict[str, Decimal] = {}
        unmanaged: list[str] = []
        for holding in self._session.positions.of(account):
            if holding.is_managed:
                managed[holding.symbol] = int(holding.shares)
                if fraction := holding.shares - int(holding.shares):
                    fractions[holding.symbol] = fraction
            elif holding.shares:
                unmanaged.append(holding.words)
        whole = {symbol: shares for symbol, shares in managed.items() if shares}
        return whole, fractions, tuple(sorted(unmanaged))

    def _average_costs(self, account: str) -> dict[str, Decimal]:
        holdings = self._session.positions.of(account)
        return {
            each.symbol: each.average_cost for each in holdings if each.is_managed and each.average_cost is not None
        }

    def _placed_orders(self, account: str, known: Collection[str]) -> tuple[PlacedOrder, ...]:
        """The orders of the broker's day with refs of ours that are not known, the first first."""
        today = trading_day(datetime.now(UTC))
        return tuple(
            PlacedOrder(ref=order.ref, words=order.words)
            for order in self._session.ledger.listed(account)
            if run_part(order.ref)
            and trading_day(order.heard_of_at) == today
            and not any(refers_to(order.ref, ref) for ref in known)
        )

    def _open_orders(self, account: str) -> tuple[OpenOrder, ...]:
        return tuple(
            OpenOrder(
                order_id=order.order_id,
                perm_id=order.perm_id,
                client_id=order.client_id,
                is_ours=order.is_placed_by(self._session.client_id),
                ref=order.ref,
                symbol=order.symbol,
                side=order.side,
                remaining=order.quantity - order.filled,
                order_type=order.order_type,
                status=order.status,
            )
            for order in self._session.ledger.open_orders(account)
        )

    async def _contract_details(self, symbols: list[str]) -> dict[str, ContractDetails]:
        known = self._known_contracts()
        missing = [symbol for symbol in symbols if symbol not in known]
        answers = await asyncio.gather(*(self._details(symbol) for symbol in missing), return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        return {symbol: self._contracts[symbol][0] for symbol in symbols}

    async def _details(self, symbol: str) -> None:
        ib = self._session.ib
        found = await self._session.request(
            f"the contract of {symbol}", lambda: ib.reqContractDetailsAsync(translation.stock(symbol))
        )
        con_ids = translation.con_ids(found)
        if len(con_ids) != 1:
            problem = "no US stock or ETF" if not con_ids else f"{len(con_ids)} contracts"
            raise SymbolUnknown(
                f"IBKR knows {problem} with the symbol {symbol}. Correct it in the allocations, "
                "or map it to another symbol with a replacement set."
            )
        self._contracts[symbol] = translation.contract_details(symbol, found[0]), datetime.now(UTC)
