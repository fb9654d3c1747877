"""The protocol below the client library: handshake, pacing, field counts, what cannot be read."""

import asyncio
import struct
from collections.abc import AsyncIterator

import pytest
from ib_insync import TagValue

from simulator.gateway import messages, order_messages, wire
from simulator.gateway.engine import Engine
from simulator.gateway.requests import ContractQuery, OrderTicket, decode_request
from simulator.gateway.scenario import PacingSetup, Scenario
from simulator.gateway.server import SimulatedGateway
from tests.simulator.gateway.gateway_client import Connect, ErrorLog, market_order, sent_by_client, stock, until


class RawClient:
    """A bare socket that speaks the framing and nothing else."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    async def greet(self, versions: bytes) -> list[str]:
        """Offer versions and return the two fields of the answer."""
        self.writer.write(b"API\0" + wire.frame(versions))
        return await self.fields()

    async def fields(self) -> list[str]:
        """The next message."""
        return wire.split_fields(await wire.read_frame(self._reader))

    async def rest(self) -> bytes:
        """Everything until the gateway hangs up."""
        return await self._reader.read()


@pytest.fixture
async def raw(gateway: SimulatedGateway) -> AsyncIterator[RawClient]:
    """A bare connection to the gateway."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    yield RawClient(reader, writer)
    writer.close()


@pytest.mark.parametrize("versions", [b"v157..176", b"v157..178 +PACEAPI", b"v100..200"])
async def test_clients_that_know_version_176_get_it(raw: RawClient, versions: bytes) -> None:
    version, time = await raw.greet(versions)
    assert version == "176"
    assert len(time.split(" ")) == 3


@pytest.mark.parametrize(
    "versions",
    [
        *(b"v100..157", b"v177..180", b"hello", b"", b"v157..176 +SOMETHING", "v157..²".encode(), b"v" + b"9" * 5000),
    ],
)
async def test_other_clients_are_hung_up_on(raw: RawClient, versions: bytes) -> None:
    with pytest.raises(asyncio.IncompleteReadError):
        await raw.greet(versions)


async def test_start_up_is_accounts_next_id_and_notices_in_this_order(raw: RawClient) -> None:
    await raw.greet(b"v157..176")
    raw.writer.write(wire.encode(71, 2, 1, ""))
    received = [await raw.fields() for _ in range(5)]
    assert received[0] == ["15", "1", "DU1,DU2"]
    assert received[1] == ["9", "1", "1"]
    assert [(m[0], m[2], m[3], len(m)) for m in received[2:]] == [
        ("4", "-1", "2104", 6),
        ("4", "-1", "2106", 6),
        ("4", "-1", "2158", 6),
    ]


async def test_requests_before_start_api_are_ignored(gateway: SimulatedGateway, raw: RawClient) -> None:
    await raw.greet(b"v157..176")
    raw.writer.write(wire.encode(61, 1) + wire.encode(71, 2, 1, ""))
    assert (await raw.fields())[0] == "15"
    assert gateway.requests == []


async def test_what_cannot_be_read_is_error_320_and_the_connection_goes_on(raw: RawClient) -> None:
    await raw.greet(b"v157..176")
    raw.writer.write(wire.encode(71, 2, 1, ""))
    for _ in range(5):
        await raw.fields()
    raw.writer.write(wire.encode(9999) + wire.encode(3, "x") + wire.encode(1, 11) + wire.encode(49, 1))
    codes = [(await raw.fields())[3] for _ in range(3)]
    assert codes == ["320", "320", "320"]
    assert (await raw.fields())[0] == "49"


@pytest.mark.parametrize("data", [struct.pack(">I", 1 << 31), wire.frame(b"no end mark")])
async def test_a_broken_frame_ends_the_connection(raw: RawClient, data: bytes) -> None:
    await raw.greet(b"v157..176")
    raw.writer.write(data)
    assert await raw.rest() == b""


async def test_a_burst_beyond_the_allowance_is_error_100_and_the_third_disconnects(
    gateway: SimulatedGateway, connect: Connect
) -> None:
    ib = await connect(gateway)
    errors = ErrorLog(ib)
    ib.client.MaxRequests = 0  # take the client's own brake off
    for _ in range(120):
        ib.client.reqCurrentTime()
    await until(lambda: not ib.isConnected())
    assert errors.codes.count(100) == 3


async def test_a_client_that_wishes_to_be_paced_is_slowed_down_instead(scenario: Scenario) -> None:
    tight = scenario.model_copy(update={"pacing": PacingSetup(per_second=500, capacity=5, violations=1)})
    async with SimulatedGateway(tight) as gateway:
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        client = RawClient(reader, writer)
        await client.greet(b"v157..176 +PACEAPI")
        writer.write(wire.encode(71, 2, 1, "") + wire.encode(49, 1) * 60)
        received = [await client.fields() for _ in range(65)]
        assert [each[0] for each in received[5:]] == ["49"] * 60
        writer.close()


async def test_a_capability_that_is_not_simulated_is_refused_and_the_api_not_started(
    gateway: SimulatedGateway, raw: RawClient
) -> None:
    await raw.greet(b"v157..176")
    raw.writer.write(wire.encode(71, 2, 1, "SOMETHING"))
    assert (await raw.fields())[:4] == ["4", "2", "-1", "322"]
    assert gateway.connections == []


async def test_the_clients_own_brake_keeps_within_the_allowance(gateway: SimulatedGateway, connect: Connect) -> None:
    ib = await connect(gateway)
    errors = ErrorLog(ib)
    for _ in range(100):
        ib.client.reqIds(1)
    await until(lambda: sum(each.name == "reqIds" for each in gateway.requests) == 100)
    assert errors.codes == []


def engine_with_an_order(scenario: Scenario) -> Engine:
    """An engine with one order placed and filled."""
    from simulator.gateway.clock import RealClock

    engine = Engine(scenario, RealClock())
    ticket = OrderTicket(account="DU1", action="BUY", quantity=wire.Decimal(3), order_type="MKT", order_ref="r")
    engine.place(1, 1, ContractQuery(symbol="SPY", sec_type="STK"), ticket)
    while engine.next_due:
        engine.run_due()
    return engine


def count(message: bytes) -> int:
    """Number of fields of one framed message."""
    return len(wire.split_fields(message[4:]))


def test_messages_have_as_many_fields_as_the_real_gateways(scenario: Scenario) -> None:
    engine = engine_with_an_order(scenario)
    order, execution = engine.orders[0], engine.executions[0]
    instrument, ledger = engine.market.instruments["SPY"], engine.accounts["DU2"]
    now = engine.clock.now()
    # The eight (four) more are those of the delta-neutral type "None", which the real gateway names as well.
    assert count(order_messages.open_order(order, instrument)) == 128 + 8
    assert count(order_messages.completed_order(order, instrument)) == 97 + 4
    assert count(order_messages.order_status(order)) == 12
    assert count(order_messages.execution_details(-1, execution, instrument)) == 31
    assert count(order_messages.commission_report(execution)) == 8
    assert count(messages.contract_details(1, instrument, now)) == 40, "42 with one security id"
    assert count(messages.portfolio(ledger, instrument, engine.market)) == 20
    assert count(messages.position(ledger, instrument)) == 16
    assert count(messages.error(-1, 2104, "")) == 6
    assert count(messages.account_update_multi(1, ("a", "b", "c"), "DU1")) == 8
    assert count(messages.account_summary(1, ("a", "b", "c"), "DU1")) == 7
    assert count(messages.account_value(("a", "b", "c"), "DU1")) == 6


def test_every_field_of_an_order_that_counts_is_read() -> None:
    order = market_order("SELL", 12, account="DU1", ref="ref-9", tif="GTC")
    order.orderType, order.lmtPrice, order.outsideRth, order.whatIf = "LMT", 12.5, True, True
    order.algoStrategy = "Adaptive"
    order.algoParams = [TagValue("adaptivePriority", "Patient")]
    fields = sent_by_client(stock("SPY"), order)
    request = decode_request(fields)
    assert request.ticket == OrderTicket(
        account="DU1",
        action="SELL",
        quantity=wire.Decimal(12),
        order_type="LMT",
        limit_price=wire.Decimal("12.5"),
        tif="GTC",
        order_ref="ref-9",
        outside_rth=True,
        what_if=True,
        algo_strategy="Adaptive",
        algo_params=(("adaptivePriority", "Patient"),),
    )
    assert (request.order_id, request.symbol) == (7, "SPY")


def test_a_plain_order_has_as_many_fields_as_expected() -> None:
    assert len(sent_by_client(stock("SPY"), market_order("BUY", 1))) == 115
