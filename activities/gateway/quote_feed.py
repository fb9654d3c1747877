"""Quotes, asked for once and then pushed: one request a symbol serves every account that needs it meanwhile.

A symbol's stream is kept for a time to live after its last use, so the legs of a rebalance, and accounts that rebalance
at the same time, cost no further requests and still see the present price. A snapshot would be asked for each time, and
IBKR ends one only after 11 s where a side has no price.

A stream on which nothing came for so long that its quote would count as old is asked for anew once: it may have died
without a word, or the symbol trades seldom, and then the gateway says that its quote still stands.
"""

import asyncio
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from activities.gateway import codes, translation
from activities.gateway.session import GatewaySession
from rebalancing.errors import GatewayTimeout
from rebalancing.market.quote_checks import allowed_age, is_old
from rebalancing.market.snapshot import Quote
from rebalancing.settings import QuoteSettings

FIRST_TICKS: Final = timedelta(seconds=4)
"""How long bid, ask, last and close may take to come. Where the market is closed some of them never do."""

LINES: Final = 80
"""Streams at once. IBKR gives a login 100 market data lines, and people at TWS want some of them."""

LATE_TICKS: Final = timedelta(seconds=10)
"""How long ticks of a stream may still come after it was ended."""

DELAYED_IF_NOT_LIVE: Final = 3
"""IBKR's market data type 3: live where the login is entitled to it, else delayed."""

LAST_TRADE_TIME: Final = frozenset({45, 88})
"""Tick types that hold the second of the last trade, live and delayed; ``ib_insync`` leaves them out."""


@dataclass
class _Stream:
    """One symbol's stream. ``complete_at``: when the first ticks had come; what comes later is news.

    ``confirms`` says that it was asked for anew after the market was heard of and then fell silent.
    """

    symbol: str
    ticks: translation.Ticks
    opened_at: datetime
    used_at: datetime
    confirms: bool = False
    complete_at: datetime | None = None
    traded_at: datetime | None = None
    problem: str = ""

    @property
    def is_answered(self) -> bool:
        """Whether the gateway said anything at all."""
        return bool(self.problem) or self.ticks.is_answered

    def is_complete(self, now: datetime) -> bool:
        """Whether there is nothing more to wait for."""
        if self.complete_at is None:
            told = self.ticks.is_complete or self.problem
            if told or (self.is_answered and now - self.opened_at >= FIRST_TICKS):
                self.complete_at = now
        return self.complete_at is not None

    def quote(self, now: datetime) -> Quote:
        """What is known now."""
        if self.problem:
            return Quote(symbol=self.symbol, at=now, problem=self.problem)
        ticked_at = self.ticks.latest_at or now
        is_news = self.complete_at is not None and ticked_at > self.complete_at
        at = ticked_at if is_news or self.traded_at is None or self._stands else self.traded_at
        return self.ticks.quote(self.symbol, at)

    @property
    def _stands(self) -> bool:
        """Whether a quote that was known is what is bid and asked now, whenever the last trade was."""
        return self.confirms and self.ticks.has_both_sides


class QuoteFeed:
    """The streams of one session."""

    def __init__(self, session: GatewaySession, settings: QuoteSettings) -> None:
        self._session = session
        self._settings = settings
        self._time_to_live = timedelta(seconds=settings.time_to_live)
        self._streams: dict[str, _Stream] = {}
        self._by_request: dict[int, _Stream] = {}
        self._ended: list[tuple[datetime, int]] = []
        self._data_type_set = False
        self._something_came = asyncio.Event()
        self._closing: asyncio.TimerHandle | None = None
        ib = session.ib
        ib.updateEvent += self._something_came.set
        ib.errorEvent += self._on_error
        self._tick_string = ib.wrapper.tickString
        ib.wrapper.tickString = self._on_tick_string  # pyright: ignore[reportAttributeAccessIssue]

    async def quotes(self, con_ids: Mapping[str, int]) -> dict[str, Quote]:
        """The quotes of these symbols (with their contracts' ids) as they are now; one without prices says why.

        Raises:
            GatewayTimeout: the gateway says nothing of a symbol at all.
            GatewayUnavailable: the connection is lost.
        """
        symbols, found = sorted(con_ids), dict[str, Quote]()
        for start in range(0, len(symbols), LINES):
            found |= await self._batch({symbol: con_ids[symbol] for symbol in symbols[start : start + LINES]})
        return found

    def streams_all(self, symbols: Collection[str]) -> bool:
        """Whether every one of these is streamed already, with its first ticks in, and need not be asked for anew."""
        now = datetime.now(UTC)
        streams = [self._streams.get(symbol) for symbol in symbols]
        return all(stream is not None and stream.is_complete(now) and not self._is_silent(stream) for stream in streams)

    def _is_silent(self, stream: _Stream) -> bool:
        """Whether nothing has come for longer than a quote may be old; a younger stream is itself the asking."""
        now = datetime.now(UTC)
        quote = stream.quote(now)
        return is_old(quote, now, self._settings) and now - stream.opened_at > allowed_age(quote.kind, self._settings)

    async def _batch(self, con_ids: Mapping[str, int]) -> dict[str, Quote]:
        self._session.require()
        self._make_room(con_ids)
        for symbol, con_id in con_ids.items():
            stream = self._streams.get(symbol)
            if stream is None:
                self._open(symbol, con_id)
            elif self._is_silent(stream):
                self._open_anew(stream, con_id)
        streams = [self._streams[symbol] for symbol in con_ids]
        await self._until_complete(streams)
        now = datetime.now(UTC)
        quotes = {stream.symbol: stream.quote(now) for stream in streams}
        for stream in streams:
            stream.used_at = now
            if stream.problem:
                self._forget(stream)
        self._close_later()
        return quotes

    async def _until_complete(self, streams: list[_Stream]) -> None:
        limit = datetime.now(UTC) + timedelta(seconds=self._session.request_timeout)
        while True:
            self._something_came.clear()
            self._session.require()
            now = datetime.now(UTC)
            waiting = [stream for stream in streams if not stream.is_complete(now)]
            if not waiting:
                return
            silent = [stream for stream in waiting if not stream.is_answered]
            if now >= limit and silent:
                for stream in silent:
                    self._close(stream)
                raise GatewayTimeout(
                    f"The gateway did not answer the request for the quotes of {', '.join(s.symbol for s in silent)} "
                    f"within {self._session.request_timeout:g} s. It is tried again; if this goes on, look at the "
                    "gateway's own window and log."
                )
            due = min((limit, *(stream.opened_at + FIRST_TICKS for stream in waiting if stream.is_answered)))
            await self._something_within(max(due - now, timedelta(milliseconds=1)))

    async def _something_within(self, time: timedelta) -> None:
        lost = asyncio.ensure_future(self._session.lost.wait())
        came = asyncio.ensure_future(self._something_came.wait())
        try:
            await asyncio.wait({lost, came}, timeout=time.total_seconds(), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for waiter in (lost, came):
                waiter.cancel()
                with suppress(asyncio.CancelledError):
                    await waiter

    def _open_anew(self, silent: _Stream, con_id: int) -> None:
        """Ask once more; what was never heard of, but for a trade of long ago, is no better for being told again."""
        quote = silent.quote(datetime.now(UTC))
        was_heard = quote.at >= silent.opened_at - allowed_age(quote.kind, self._settings)
        self._close(silent)
        self._open(silent.symbol, con_id, confirms=was_heard)

    def _open(self, symbol: str, con_id: int, *, confirms: bool = False) -> None:
        ib = self._session.ib
        if not self._data_type_set:
            ib.reqMarketDataType(DELAYED_IF_NOT_LIVE)
            self._data_type_set = True
        contract = translation.stock(symbol, con_id)
        now = datetime.now(UTC)
        ticker = ib.reqMktData(contract)
        stream = _Stream(symbol, translation.Ticks(contract, ticker), opened_at=now, used_at=now, confirms=confirms)
        self._streams[symbol] = stream
        self._by_request[ib.wrapper.ticker2ReqId["mktData"][ticker]] = stream

    def _close(self, stream: _Stream) -> None:
        self._session.ib.cancelMktData(stream.ticks.contract)
        self._forget(stream)

    def _forget(self, stream: _Stream) -> None:
        """Drop a stream that has ended, and the ticker that ``ib_insync`` would keep; late ticks may still need it."""
        wrapper, now = self._session.ib.wrapper, datetime.now(UTC)
        wrapper.endTicker(stream.ticks.ticker, "mktData")
        for key in [key for key, ticker in wrapper.tickers.items() if ticker is stream.ticks.ticker]:
            del wrapper.tickers[key]
        self._streams.pop(stream.symbol, None)
        self._ended += [(now, request) for request, other in self._by_request.items() if other is stream]
        self._by_request = {request: other for request, other in self._by_request.items() if other is not stream}
        for _, request in [each for each in self._ended if now - each[0] > LATE_TICKS]:
            wrapper.reqId2Ticker.pop(request, None)
        self._ended = [each for each in self._ended if now - each[0] <= LATE_TICKS]

    def _make_room(self, wanted: Collection[str]) -> None:
        """End the streams that were used least recently where the new ones would be too many."""
        others = sorted((s for s in self._streams.values() if s.symbol not in wanted), key=lambda s: s.used_at)
        for stream in others[: max(0, len(others) + len(wanted) - LINES)]:
            self._close(stream)

    def _close_later(self) -> None:
        """Look again when the first stream may be idle for its time to live."""
        if self._closing is not None:
            self._closing.cancel()
        if self._streams:
            idle_at = min(stream.used_at for stream in self._streams.values()) + self._time_to_live
            delay = max((idle_at - datetime.now(UTC)).total_seconds(), 0)
            self._closing = asyncio.get_running_loop().call_later(delay, self._close_idle)

    def _close_idle(self) -> None:
        self._closing = None
        if self._session.lost.is_set():
            return
        now = datetime.now(UTC)
        for stream in [s for s in self._streams.values() if now - s.used_at >= self._time_to_live]:
            self._close(stream)
        self._close_later()

    def _on_tick_string(self, request_id: int, kind: int, value: str) -> None:
        stream = self._by_request.get(request_id)
        if stream is not None and kind in LAST_TRADE_TIME and value.isdigit() and int(value):
            stream.traded_at = datetime.fromtimestamp(int(value), UTC)
        self._tick_string(request_id, kind, value)

    def _on_error(self, request_id: int, code: int, text: str, _contract: object) -> None:
        stream = self._by_request.get(request_id)
        if stream is None or code in codes.NOT_THE_END_OF_QUOTES or 2100 <= code < 2200:
            return
        remedy = codes.WHAT_QUOTES_NEED.get(code)
        stream.problem = f"code {code}: {text.rstrip('.')}" + (f"; {remedy}" if remedy else "")
        self._something_came.set()
