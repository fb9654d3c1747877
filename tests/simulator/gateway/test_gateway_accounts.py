"""Connecting, accounts, positions and contracts as the unmodified client sees them."""

from simulator.gateway.server import SimulatedGateway
from tests.simulator.gateway.gateway_client import Connect


async def test_connecting_tells_accounts_version_and_positions(gateway: SimulatedGateway, connect: Connect) -> None:
    ib = await connect(gateway)
    assert ib.client.serverVersion() == 176
    assert ib.managedAccounts() == ["DU1", "DU2"]
    assert {(p.account, p.contract.symbol, p.position) for p in ib.positions()} == {
        ("DU1", "QQQ", 10.0),
        ("DU2", "SPY", 20.0),
    }
