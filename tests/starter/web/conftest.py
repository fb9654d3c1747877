"""A house with one account, its HTTP API, and a gateway that looks like IBKR's own or like the stand-in that it is."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from simulator.gateway.faults import NOTICE_TEXTS
from starter.desk.gateway_connections import is_gateway_connected
from testbed.waiting import until
from tests.house import Holding, House, house
from tests.starter.web.api import Api, api_of

ACCOUNT = "DU1"


@pytest.fixture
def looks_real(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stand-in does not say that it is one, so that the history belongs to a login with real money behind it."""
    monkeypatch.setitem(NOTICE_TEXTS, 2104, "Market data farm connection is OK:usfarm")


@pytest.fixture
async def own(looks_real: None) -> AsyncIterator[House]:
    """A house whose gateway nobody can tell from IBKR's."""
    async with house({ACCOUNT: Holding(), "DU2": Holding(holdings={"SPY": 10})}) as built:
        await until(lambda: is_gateway_connected(built.client, (None,)))
        yield built


@pytest.fixture
async def api(own: House, tmp_path: Path) -> AsyncIterator[Api]:
    """Its HTTP API, which trusts nobody."""
    async with api_of(own, tmp_path) as served:
        yield served
