"""Historical bars of trades during regular hours: daily or hourly, up to a given end."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from simulator.gateway import messages
from simulator.gateway.clock import NEW_YORK, read_moment
from simulator.gateway.engine import Engine
from simulator.gateway.market import Bar, Instrument
from simulator.gateway.order_messages import gateway_time
from simulator.gateway.refusals import Refusal
from simulator.gateway.requests import Request

_UNITS = {"D": 1, "W": 5, "M": 21, "Y": 252}
"""Trading days in each unit of a duration."""

_REACH = {"1 day": 20 * 366, "1 hour": 366}
"""How many days back there are bars of each size: each is worked out from the present price backwards."""

_BAD_END = Refusal(
    10314,
    "End Date/Time: The date, time, or time-zone entered is invalid. The correct format is yyyymmdd hh:mm:ss xx/xxxx "
    "where yyyymmdd and xx/xxxx are optional.",
)


def historical_data(engine: Engine, request: Request) -> bytes:
    """The bars that were complete by the end that is asked for, or the error that says what cannot be had."""
    request_id, options, now = request.request_id or 0, request.options, engine.clock.now()
    found = engine.market.find(request.contract) if request.contract else []
    if len(found) != 1:
        return messages.error(request_id, 200, "No security definition has been found for the request")
    size, duration = options["barSizeSetting"], options["durationStr"]
    days = _duration_days(duration)
    if size not in _REACH or days is None:
        return messages.refusal(request_id, _no_data(f"unsupported bar size '{size}' or duration '{duration}'"))
    end = read_moment(options["endDateTime"]) if options["endDateTime"] else now
    if end is None:
        return messages.refusal(request_id, _BAD_END)
    end = min(end, now)
    if (now - end).days + days > _REACH[size]:
        return messages.refusal(request_id, _no_data(f"HMDS query returned no data: {found[0].symbol}@SMART Trades"))
    bars = _bars(engine, found[0], days, size, end, now)
    if size == "1 hour" and options["formatDate"] != "2":
        bars = [replace(bar, date=gateway_time(_starts(bar))) for bar in bars]
    return messages.historical_data(request_id, bars, end - timedelta(days=days), end)


def none_running(request_id: int) -> Refusal:
    """The answer to a cancel: bars come all at once, so that nothing is left to be cancelled."""
    return Refusal(366, f"No historical data query found for ticker id:{request_id}")


def _bars(engine: Engine, instrument: Instrument, days: int, size: str, end: datetime, now: datetime) -> list[Bar]:
    """So many days' bars up to the end; if that is the present, the last one is still going on."""
    hourly = size == "1 hour"
    wanted = days * (7 if hourly else 1)
    if end == now:
        return engine.market.bars(instrument.symbol, wanted, hourly=hourly, now=now)
    since = ((now - end).days + 1) * (24 if hourly else 1)
    bars = engine.market.bars(instrument.symbol, wanted + since, hourly=hourly, now=now)
    return [bar for bar in bars if _ends(bar, instrument) <= end][-wanted:]


def _ends(bar: Bar, instrument: Instrument) -> datetime:
    """When a bar was complete."""
    if len(bar.date) > len("YYYYMMDD"):
        return _starts(bar) + timedelta(hours=1)
    day = datetime.strptime(bar.date, "%Y%m%d").replace(tzinfo=NEW_YORK)
    sessions = instrument.hours.sessions_on(day.date())
    return sessions[-1].closes if sessions else day


def _starts(bar: Bar) -> datetime:
    """When an hourly bar begins."""
    return datetime.fromtimestamp(int(bar.date), UTC)


def _no_data(why: str) -> Refusal:
    return Refusal(162, f"Historical Market Data Service error message:{why}")


def _duration_days(text: str) -> int | None:
    """Trading days in a duration such as ``5 D``, ``2 W``, ``1 M``, ``1 Y``."""
    count, _, unit = text.partition(" ")
    if not (count.isascii() and count.isdecimal() and len(count) <= 4) or unit not in _UNITS or int(count) == 0:
        return None
    return int(count) * _UNITS[unit]
