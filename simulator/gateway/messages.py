"""All other messages from the gateway to a client: connection, accounts, positions, contracts, quotes, bars."""

from datetime import datetime
from decimal import Decimal

from simulator.gateway.clock import NEW_YORK
from simulator.gateway.figures import AccountValue
from simulator.gateway.ledger import Ledger
from simulator.gateway.market import Bar, Instrument, Market, Quote, con_id_of
from simulator.gateway.order_messages import gateway_time
from simulator.gateway.refusals import Refusal
from simulator.gateway.scenario import OtherPosition
from simulator.gateway.wire import Field, encode

SERVER_VERSION = 176

# Tick types of prices and sizes: live, and what stands for them in delayed data.
_LIVE = {"bid": 1, "ask": 2, "last": 4, "high": 6, "low": 7, "close": 9, "open": 14, "volume": 8}
_DELAYED = {"bid": 66, "ask": 67, "last": 68, "high": 72, "low": 73, "close": 75, "open": 76, "volume": 74}
_LAST_TIME = {False: 45, True: 88}


def handshake(now: datetime) -> bytes:
    """The server's version and the time of connection: exactly two fields."""
    return encode(SERVER_VERSION, f"{now.astimezone(NEW_YORK):%Y%m%d %H:%M:%S} EST")


def error(request_id: int, code: int, text: str) -> bytes:
    """error (4); request id -1 for what concerns no request."""
    return encode(4, 2, request_id, code, text, "")


def refusal(request_id: int, why: Refusal) -> bytes:
    """error (4) that a request gets for its answer."""
    return error(request_id, why.code, why.text)


def managed_accounts(accounts: list[str]) -> bytes:
    """managedAccounts (15)."""
    return encode(15, 1, ",".join(accounts))


def next_valid_id(order_id: int) -> bytes:
    """nextValidId (9)."""
    return encode(9, 1, order_id)


def current_time(now: datetime) -> bytes:
    """currentTime (49), in seconds since the epoch."""
    return encode(49, 1, int(now.timestamp()))


def end_of(message_id: int, request_id: int) -> bytes:
    """One of the end markers that carry a request id: 52, 55, 57, 64, 72, 74."""
    return encode(message_id, 1, request_id)


def open_order_end() -> bytes:
    """openOrderEnd (53)."""
    return encode(53, 1)


def completed_orders_end() -> bytes:
    """completedOrdersEnd (102), the only one without a version field."""
    return encode(102)


def position_end() -> bytes:
    """positionEnd (62)."""
    return encode(62, 1)


def position(ledger: Ledger, instrument: Instrument) -> bytes:
    """position (61); zero shares tell that a holding is gone."""
    shares, cost = ledger.shares(instrument.symbol), _cost(ledger.holdings[instrument.symbol].average_cost)
    return encode(61, 3, ledger.account, *_contract(instrument), shares, cost)


def other_position(ledger: Ledger, other: OtherPosition) -> bytes:
    """position (61) of what is no US stock."""
    return encode(61, 3, ledger.account, *_other_contract(other), other.quantity, _cost(other.value / other.quantity))


def position_multi(request_id: int, ledger: Ledger, instrument: Instrument) -> bytes:
    """positionMulti (71)."""
    shares, cost = ledger.shares(instrument.symbol), _cost(ledger.holdings[instrument.symbol].average_cost)
    return encode(71, 1, request_id, ledger.account, *_contract(instrument), shares, cost, ledger.model)


def other_position_multi(request_id: int, ledger: Ledger, other: OtherPosition) -> bytes:
    """positionMulti (71) of what is no US stock."""
    cost = _cost(other.value / other.quantity)
    return encode(71, 1, request_id, ledger.account, *_other_contract(other), other.quantity, cost, ledger.model)


def portfolio(ledger: Ledger, instrument: Instrument, market: Market) -> bytes:
    """updatePortfolio (7): a holding with its market value and profit."""
    holding, shares = ledger.holdings[instrument.symbol], ledger.shares(instrument.symbol)
    price = market.price(instrument.symbol)
    contract = _contract(instrument)
    return encode(
        *[7, 8, *contract, shares, price, shares * price, _cost(holding.average_cost)],
        *[_cost(ledger.unrealized(market, instrument.symbol)), _cost(holding.realized), ledger.account],
    )


def other_portfolio(ledger: Ledger, other: OtherPosition) -> bytes:
    """updatePortfolio (7) of what is no US stock."""
    price = _cost(other.value / other.quantity)
    return encode(*[7, 8, *_other_contract(other), other.quantity, price, other.value, price, 0, 0, ledger.account])


def account_value(value: AccountValue, account: str) -> bytes:
    """updateAccountValue (6)."""
    return encode(6, 2, *value, account)


def account_time(now: datetime) -> bytes:
    """updateAccountTime (8)."""
    return encode(8, 1, f"{now.astimezone(NEW_YORK):%H:%M}")


def account_download_end(account: str) -> bytes:
    """accountDownloadEnd (54)."""
    return encode(54, 1, account)


def account_update_multi(request_id: int, value: AccountValue, account: str) -> bytes:
    """accountUpdateMulti (73)."""
    return encode(73, 1, request_id, account, "", *value)


def account_summary(request_id: int, value: AccountValue, account: str) -> bytes:
    """accountSummary (63)."""
    return encode(63, 1, request_id, account, *value)


def contract_details(request_id: int, instrument: Instrument, now: datetime) -> bytes:
    """contractDetails (10) with hours for about a week and the zone they are in."""
    told = instrument.told_hours
    regular = told.regular if told else instrument.hours.regular_text(now)
    extended = (told.extended or told.regular) if told else instrument.hours.extended_text(now)
    zone = told.time_zone if told else "US/Eastern"
    name = instrument.name.encode("unicode-escape").decode()  # clients decode escapes
    return encode(
        *[10, request_id, instrument.symbol, "STK", "", 0, "", "SMART", instrument.currency, instrument.symbol],
        *[instrument.trading_class, instrument.trading_class, instrument.con_id, instrument.min_tick, ""],
        "ACTIVETIM,AD,ADJUST,ALERT,ALGO,AON,COND,DAY,GTC,GTD,LMT,LOC,MKT,MOC,STP,STPLMT,TRAIL,WHATIF",
        "SMART,AMEX,NYSE,ARCA,BATS,ISLAND,IEX,NASDAQ",
        *[1, 0, name, instrument.primary_exchange, "", "", "", "", zone],
        *[extended, regular, "", 0],
        *[0, 1, "", "", "26,26,26,26,26,26,26,26", "", instrument.stock_type],  # no security ids; aggregation group …
        *["0.0001", "0.0001", "100"],  # minimum size, increment, suggested increment
    )


def market_data_type(request_id: int, kind: int) -> bytes:
    """marketDataType (58): 1 live, 3 delayed."""
    return encode(58, 1, request_id, kind)


def tick_parameters(request_id: int, instrument: Instrument) -> bytes:
    """tickReqParams (81)."""
    return encode(81, request_id, instrument.min_tick, "9c0001", 3)


def quote_ticks(request_id: int, quote: Quote, now: datetime, *, delayed: bool) -> bytes:
    """All ticks of a quote: prices with sizes, volume, time of the last trade."""
    types = _DELAYED if delayed else _LIVE
    sizes = {"bid": 500, "ask": 400, "last": 100}
    prices: dict[str, Decimal] = {
        "bid": quote.bid,
        "ask": quote.ask,
        "last": quote.last,
        "high": quote.high,
        "low": quote.low,
        "close": quote.close,
        "open": quote.open,
    }
    ticks = [encode(1, 6, request_id, types[name], price, sizes.get(name, 0), 0) for name, price in prices.items()]
    ticks.append(encode(2, 6, request_id, types["volume"], 1_234_500))
    ticks.append(encode(46, 6, request_id, _LAST_TIME[delayed], str(int(now.timestamp()))))
    return b"".join(ticks)


def halted(request_id: int) -> bytes:
    """tickGeneric (45) of type 49: trading is halted."""
    return encode(45, 6, request_id, 49, 1)


def scanner_parameters() -> bytes:
    """scannerParameters (19) of a gateway without scanners.

    To this request and the three below belongs no id, so that an error would not reach who waits. That there is nothing
    of the kind is an answer, and here a true one.
    """
    return encode(19, 1, "<ScanParameterResponse/>")


def no_family_codes() -> bytes:
    """familyCodes (78): none."""
    return encode(78, 0)


def no_depth_exchanges() -> bytes:
    """mktDepthExchanges (80): none."""
    return encode(80, 0)


def no_news_providers() -> bytes:
    """newsProviders (85): none."""
    return encode(85, 0)


def historical_data(request_id: int, bars: list[Bar], start: datetime, end: datetime) -> bytes:
    """historicalData (17)."""
    rows: list[Field] = []
    for bar in bars:
        average = (bar.high + bar.low) / 2
        rows += [bar.date, bar.open, bar.high, bar.low, bar.close, bar.volume, average, bar.volume // 100]
    return encode(17, request_id, gateway_time(start), gateway_time(end), len(bars), *rows)


def _contract(instrument: Instrument) -> list[Field]:
    named: list[Field] = [instrument.con_id, instrument.symbol, "STK", "", 0, "", ""]
    return [*named, instrument.primary_exchange, instrument.currency, instrument.symbol, instrument.trading_class]


def _other_contract(other: OtherPosition) -> list[Field]:
    named: list[Field] = [con_id_of(f"{other.sec_type} {other.symbol}"), other.symbol, other.sec_type, "", 0, "", ""]
    return [*named, "", other.currency, other.symbol, other.symbol]


def _cost(value: Decimal) -> Decimal:
    return value.quantize(Decimal("0.0000001"))
