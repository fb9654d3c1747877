"""Damaged requests to the simulated gateway: each is carried out or refused, and none breaks it."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.gateway import wire
from simulator.gateway.clock import RealClock
from simulator.gateway.dispatch import Dispatcher
from simulator.gateway.engine import Engine
from simulator.gateway.requests import decode_request
from simulator.gateway.scenario import parse_scenario
from simulator.gateway.subscriptions import Subscriptions
from tests.simulator.gateway.gateway_client import SCENARIO, limit_order, market_order, sent_by_client, stock

pytestmark = pytest.mark.fuzz

STOCK = ["0", "SPY", "STK", "", "0.0", "", "", "SMART", "", "USD", "", ""]
ORDINARY = [
    ["1", "11", "5", *STOCK, "0", "", "0", "0", ""],
    ["2", "2", "5"],
    sent_by_client(stock("SPY"), limit_order("BUY", 1, 500.0)),
    sent_by_client(stock("QQQ"), market_order("SELL", 1, tif="IOC")),
    ["4", "1", "7", ""],
    ["6", "2", "1", "DU1"],
    ["7", "3", "5", "0", "", "20261123 12:00:00 UTC", "", "", "", ""],
    ["9", "8", "5", *STOCK, "0", "", "", ""],
    ["15", "1", "1"],
    ["20", "5", *STOCK, "0", "20261123 12:00:00", "1 hour", "2 D", "1", "TRADES", "1", "0", ""],
    ["25", "1", "5"],
    ["59", "1", "3"],
    ["61", "1"],
    ["62", "1", "5", "All", "NetLiquidation,$LEDGER:ALL"],
    ["74", "1", "5", "DU1", ""],
    ["76", "1", "5", "DU1", "", "0"],
    ["81", "5", "SP"],
    ["93", "5"],
    ["99", "1"],
]
NASTY = st.one_of(
    st.sampled_from(
        [
            *("", "-1", "0", "1", "2147483647", "2147483648", "1.7976931348623157E308", "1e400", "-1e400", "1e-400"),
            *("NaN", "Infinity", "-0", "True", "None", "BUY", "SELL", "MKT", "LMT", "MOC", "FOK", "GTC", "DU1", "DU99"),
            *(
                "1000000000000",
                "0.000000001",
                "99999999999999999999",
                "²",
                "١",
                "1_0",
                " 1",
                "9999 Y",
                "SMART",
                "ISLAND",
            ),
            *("00010101 00:00:00", "99991231 23:59:59", "20261123 12:00:00 US", "20261123-12:00:00", "9" * 5000),
        ]
    ),
    st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=12),
)


class InMemoryClient:
    """A connection without a socket: what it was sent is kept."""

    def __init__(self) -> None:
        self.client_id = 1
        self.started_at: datetime | None = None
        self.engine = Engine(parse_scenario(SCENARIO), RealClock())
        self.subscriptions = Subscriptions(self.engine)
        self.sent = b""

    def send(self, data: bytes) -> None:
        """Keep it."""
        self.sent += data

    def error(self, request_id: int, code: int, text: str) -> None:
        """Nobody asks for one here."""
        raise AssertionError((request_id, code, text))


@st.composite
def damaged_request(draw: st.DrawFn) -> list[str]:
    """An ordinary request with a few fields replaced, and perhaps some lost or added at the end."""
    fields = list(draw(st.sampled_from(ORDINARY)))
    for _ in range(draw(st.integers(1, 4))):
        fields[draw(st.integers(0, len(fields) - 1))] = draw(NASTY)
    return (
        [*fields[: draw(st.integers(1, len(fields)))], *draw(st.lists(NASTY, max_size=2))]
        if draw(st.booleans())
        else fields
    )


@given(st.lists(damaged_request(), min_size=1, max_size=4))
def test_a_damaged_request_is_carried_out_or_refused_and_breaks_nothing(requests: list[list[str]]) -> None:
    client = InMemoryClient()
    dispatcher = Dispatcher(client)
    for fields in requests:
        request = decode_request(fields)
        if request.name == "startApi":
            continue
        client.sent = b""
        dispatcher.dispatch(request)
        client.engine.run_due()
        if request.refusal:
            assert wire.split_fields(client.sent[4:])[2] == str(request.answer_to)
    for order in client.engine.orders:
        assert order.tif in ("DAY", "GTC", "IOC", "FOK")
        assert order.quantity > 0
        assert order.account in client.engine.accounts
    assert client.engine.state().model_dump_json()
