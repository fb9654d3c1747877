"""What one connection has subscribed to, and the messages it is due when something changes."""

from dataclasses import dataclass, field

from simulator.gateway import answers, messages
from simulator.gateway.account_summary import AccountSummary
from simulator.gateway.engine import Engine
from simulator.gateway.figures import AccountValue
from simulator.gateway.market import Instrument

Rows = dict[tuple[str, str], str]  # (tag, currency) -> value last sent


@dataclass
class _Feed:
    """One subscription to account figures: whom for, what was sent last."""

    accounts: list[str]
    sent: dict[str, Rows] = field(default_factory=dict[str, Rows])


@dataclass
class Subscriptions:
    """All subscriptions of one connection. Figures are sent whole at first, later only where they changed."""

    engine: Engine
    positions: bool = False
    market_data_type: int = 1
    _updates: _Feed | None = None
    _multi: dict[int, _Feed] = field(default_factory=dict[int, _Feed])
    _summaries: dict[int, AccountSummary] = field(default_factory=dict[int, AccountSummary])
    _positions_multi: dict[int, str] = field(default_factory=dict[int, str])
    _quotes: dict[int, tuple[Instrument, bool]] = field(default_factory=dict[int, tuple[Instrument, bool]])

    # -- account figures ---------------------------------------------------------------------------------------------

    def follow_account(self, account: str) -> bytes:
        """Subscribe to one account's figures and portfolio, instead of the one followed so far."""
        self._updates = _Feed([account])
        now = self.engine.clock.now()
        parts = [self._update_rows(self._updates, account), answers.portfolio(self.engine, account)]
        return b"".join([*parts, messages.account_time(now), messages.account_download_end(account)])

    def unfollow_account(self) -> None:
        """End that subscription."""
        self._updates = None

    def follow_multi(self, request_id: int, account: str) -> bytes:
        """Subscribe to an account's figures under a request id."""
        feed = self._multi[request_id] = _Feed([account])
        return self._multi_rows(request_id, feed, account) + messages.end_of(74, request_id)

    def unfollow_multi(self, request_id: int) -> None:
        """End that subscription."""
        self._multi.pop(request_id, None)

    def follow_summary(self, request_id: int, tags: str) -> bytes:
        """Subscribe to chosen figures of all accounts; two such subscriptions are the most there can be."""
        if request_id in self._summaries:
            return messages.error(request_id, 322, "Error processing request: Duplicate ticker id")
        if len(self._summaries) >= 2:
            text = "Error processing request.-'cO' : cause - Maximum number of account summary requests exceeded"
            return messages.error(request_id, 322, text)
        summary = self._summaries[request_id] = AccountSummary(self.engine, tags)
        rows = [messages.account_summary(request_id, row, account) for account, row in summary.rows()]
        return b"".join([*rows, messages.end_of(64, request_id)])

    def unfollow_summary(self, request_id: int) -> None:
        """End that subscription."""
        self._summaries.pop(request_id, None)

    def account_changed(self, account: str) -> bytes:
        """What must be told after an account's figures changed."""
        parts: list[bytes] = []
        if self._updates and account in self._updates.accounts:
            parts.append(self._update_rows(self._updates, account))
            parts.append(answers.portfolio(self.engine, account))
        parts += [self._multi_rows(i, feed, account) for i, feed in self._multi.items() if account in feed.accounts]
        for request_id, summary in self._summaries.items():
            parts += [messages.account_summary(request_id, row, whose) for whose, row in summary.changed(account)]
        return b"".join(parts)

    def _update_rows(self, feed: _Feed, account: str) -> bytes:
        rows = _changed(feed, account, self.engine.account_values(account))
        return b"".join(messages.account_value(row, account) for row in rows)

    def _multi_rows(self, request_id: int, feed: _Feed, account: str) -> bytes:
        rows = _changed(feed, account, self.engine.account_values(account))
        return b"".join(messages.account_update_multi(request_id, row, account) for row in rows)

    # -- positions ---------------------------------------------------------------------------------------------------

    def follow_positions_multi(self, request_id: int, account: str) -> bytes:
        """Subscribe to one account's holdings."""
        self._positions_multi[request_id] = account
        return answers.positions_multi(self.engine, request_id, account)

    def unfollow_positions_multi(self, request_id: int) -> None:
        """End that subscription."""
        self._positions_multi.pop(request_id, None)

    def position_changed(self, account: str, symbol: str) -> bytes:
        """What must be told after a holding changed, zero shares included."""
        ledger, instrument = self.engine.accounts[account], self.engine.market.instruments[symbol]
        parts = [messages.position(ledger, instrument)] if self.positions else []
        if self._updates and account in self._updates.accounts:
            parts.append(messages.portfolio(ledger, instrument, self.engine.market))
        parts += [
            messages.position_multi(request_id, ledger, instrument)
            for request_id, followed in self._positions_multi.items()
            if followed == account
        ]
        return b"".join(parts)

    # -- quotes ------------------------------------------------------------------------------------------------------

    def follow_quotes(self, request_id: int, instrument: Instrument, *, snapshot: bool) -> bytes:
        """Subscribe to a symbol's quotes, or get them once; without entitlement the error that says so."""
        if request_id in self._quotes:
            return messages.error(request_id, 322, "Error processing request: Duplicate ticker id")
        quoting = self.engine.quotations.of(instrument.symbol)
        if quoting.refusal:
            return messages.error(request_id, *quoting.refusal)
        delayed = quoting.market_data == "delayed"
        if delayed and self.market_data_type not in (3, 4):
            text = "Requested market data is not subscribed. Delayed market data is available."
            return messages.error(request_id, 354, text)
        if not snapshot and len(self._quotes) >= 100:
            return messages.error(request_id, 101, "Max number of tickers has been reached")
        parts: list[bytes] = []
        if delayed:
            text = "Requested market data is not subscribed. Displaying delayed market data."
            parts.append(messages.error(request_id, 10167, text))
        parts.append(messages.market_data_type(request_id, 3 if delayed else 1))
        parts.append(messages.tick_parameters(request_id, instrument))
        parts.append(self._ticks(request_id, instrument, delayed=delayed))
        if snapshot:
            parts.append(messages.end_of(57, request_id))
        else:
            self._quotes[request_id] = (instrument, delayed)
        return b"".join(parts)

    def unfollow_quotes(self, request_id: int) -> bytes:
        """End a quote subscription; error 300 if there is none."""
        if self._quotes.pop(request_id, None) is None:
            return messages.error(request_id, 300, f"Can't find EId with tickerId:{request_id}")
        return b""

    def prices_changed(self, symbols: tuple[str, ...]) -> bytes:
        """New quotes of those symbols, to whoever follows them."""
        return b"".join(
            self._ticks(request_id, instrument, delayed=delayed)
            for request_id, (instrument, delayed) in self._quotes.items()
            if instrument.symbol in symbols
        )

    def _ticks(self, request_id: int, instrument: Instrument, *, delayed: bool) -> bytes:
        """The present quote; to who follows quotes that have since been withdrawn, the error that says so."""
        quotations, symbol = self.engine.quotations, instrument.symbol
        if refusal := quotations.of(symbol).refusal:
            return messages.error(request_id, *refusal)
        quote = quotations.told(symbol)
        if quote is None:
            return b""
        traded_at = quotations.traded_at(symbol, self.engine.clock.now())
        halt = messages.halted(request_id) if quotations.of(symbol).fault == "halted" else b""
        return halt + messages.quote_ticks(request_id, quote, traded_at, delayed=delayed)


def _changed(feed: _Feed, account: str, values: list[AccountValue]) -> list[AccountValue]:
    """The rows that differ from what the feed was sent last, and remember them as sent."""
    sent = feed.sent.setdefault(account, {})
    rows = [row for row in values if sent.get((row[0], row[2])) != row[1]]
    sent.update({(tag, currency): value for tag, value, currency in rows})
    return rows
