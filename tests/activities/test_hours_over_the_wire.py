"""The exchange's real calendar from the gateway's words to the moments a rebalance waits for, on fixed dates."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from activities.gateway.quote_feed import QuoteFeed
from activities.gateway.reading import AccountReader
from activities.gateway.session import GatewayAddress, GatewaySession
from contract.requests import SnapshotRequest
from rebalancing.market.snapshot import ContractDetails
from rebalancing.market.trading_hours import common_sessions, is_open, next_open
from rebalancing.settings import QuoteSettings
from simulator.gateway.scenario import ClockSetup
from simulator.gateway.server import SimulatedGateway
from tests.house import Holding, scenario

LONDON = {"time_zone": "GB-Eire", "regular": "20261125:0800-20261125:1630;20261126:0800-20261126:1630"}


def utc(text: str) -> datetime:
    """A moment in UTC, written ``2026-11-27 14:30``."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


async def contracts_at(moment: str, instruments: dict[str, dict[str, Any]] | None = None) -> dict[str, ContractDetails]:
    """What contract details a gateway gives whose clock says so."""
    clock = ClockSetup(mode="fixed", start=utc(moment))
    market = scenario({"DU1": Holding()}, instruments, hours="us_stocks", clock=clock)
    async with SimulatedGateway(market) as gateway:
        session = GatewaySession(GatewayAddress("127.0.0.1", gateway.port, 7), 5, timedelta(seconds=1))
        await session.open()
        try:
            reader = AccountReader(session, QuoteFeed(session, QuoteSettings()))
            return (await reader.snapshot(SnapshotRequest(account="DU1", symbols=("SPY", "BND")))).contracts
        finally:
            session.close()


@pytest.mark.parametrize(
    ("asked_at", "opens_at", "closes_at"),
    [
        ("2026-11-24 15:00", "2026-11-24 14:30", "2026-11-24 21:00"),
        ("2026-11-26 15:00", "2026-11-27 14:30", "2026-11-27 18:00"),
        ("2026-11-27 18:30", "2026-11-30 14:30", "2026-11-30 21:00"),
        ("2026-11-28 12:00", "2026-11-30 14:30", "2026-11-30 21:00"),
        ("2026-12-25 15:00", "2026-12-28 14:30", "2026-12-28 21:00"),
        ("2026-03-07 15:00", "2026-03-09 13:30", "2026-03-09 20:00"),
        ("2026-10-31 15:00", "2026-11-02 14:30", "2026-11-02 21:00"),
    ],
    ids=[
        "in session",
        "Thanksgiving",
        "after the half-day",
        "Saturday",
        "Christmas, a Friday",
        "weekend the clocks go forward",
        "weekend the clocks go back",
    ],
)
async def test_the_next_regular_session_is_the_exchanges_own(asked_at: str, opens_at: str, closes_at: str) -> None:
    sessions = (await contracts_at(asked_at))["SPY"].sessions
    coming = next(session for session in sessions if session.closes_at > utc(asked_at))
    assert (coming.opens_at, coming.closes_at) == (utc(opens_at), utc(closes_at))
    assert next_open(sessions, utc(asked_at)) == max(utc(opens_at), utc(asked_at))
    assert is_open(sessions, utc(asked_at)) == (utc(opens_at) <= utc(asked_at))


async def test_extended_hours_are_kept_beside_the_regular_ones() -> None:
    contract = (await contracts_at("2026-11-27 12:00"))["SPY"]
    assert not is_open(contract.hours(), utc("2026-11-27 12:00"))
    assert is_open(contract.hours(extended=True), utc("2026-11-27 12:00"))
    assert is_open(contract.hours(extended=True), utc("2026-11-27 21:59"))
    assert not is_open(contract.hours(extended=True), utc("2026-11-27 22:00"))


async def test_a_symbol_of_london_and_one_of_new_york_trade_together_in_the_afternoon() -> None:
    contracts = await contracts_at("2026-11-25 09:00", {"BND": {"told_hours": LONDON, "primary_exchange": "LSEETF"}})
    both = common_sessions(contract.sessions for contract in contracts.values())
    assert next_open(both, utc("2026-11-25 09:00")) == utc("2026-11-25 14:30")
    assert next_open(both, utc("2026-11-25 16:30")) is None, (
        "Thanksgiving in New York, and no later day told for London"
    )


async def test_hours_that_cannot_be_read_are_told_with_the_contract_and_not_traded() -> None:
    odd = {"BND": {"told_hours": {"regular": "20261125:morning-noon"}}}
    contract = (await contracts_at("2026-11-25 09:00", odd))["BND"]
    assert contract.hours() == ()
    assert "morning" in contract.hours_problem
