"""An account that has an alias is called so everywhere but at the broker, and is the same account as before."""

import logging
from pathlib import Path

import pytest

from configuration.key_ring import line_of, new_key
from rebalancing.triggers import ExecutionMode
from simulator.gateway.faults import FaultMatch, FaultRule
from testbed.temporal_server import temporal_server
from testbed.waiting import until
from tests.house import Holding, configuration, house, quick_settings

NUMBER, OTHER = "DU7654321", "DU1234567"
PENSION = Holding(alias="pension", holdings={"SPY": 10})
HOUSEHOLD = Holding(alias="household", cash="50000", weights={"GLD": "1"})


@pytest.fixture
def key_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A key, which everything in this process goes by."""
    file = tmp_path / "key"
    file.write_text(line_of(new_key("ann")), encoding="utf-8")
    file.chmod(0o600)
    monkeypatch.setenv("REBALANCER_KEY_FILE", str(file))
    return file


@pytest.mark.usefixtures("key_file")
async def test_with_a_key_the_number_is_nowhere_but_on_the_wire_and_accounts_do_not_mix(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    database = tmp_path / "temporal.db"
    async with (
        temporal_server(database=database) as server,
        house({NUMBER: PENSION, OTHER: HOUSEHOLD}, temporal=server) as own,
    ):
        await (await own.trigger("pension", mode=ExecutionMode.DRY_RUN)).result()
        for name in ("pension", "household"):
            result = await (await own.trigger(name, "event-2")).result()
            assert result.outcome is not None
        assert {order.symbol for order in own.accepted_orders(OTHER)} == {"GLD"}
        assert {order.symbol for order in own.accepted_orders(NUMBER)} == {"SPY", "QQQ", "BND", "GLD"}
        files = (database, database.with_name(f"{database.name}-wal"))
        content = b"".join(file.read_bytes() for file in files if file.exists())
    assert b"rebalance-pension" in content
    for number in (NUMBER, OTHER):
        assert number.encode() not in content
        assert number not in caplog.text


async def test_what_the_gateway_says_of_an_account_comes_with_its_alias(caplog: pytest.LogCaptureFixture) -> None:
    async with house({NUMBER: PENSION, OTHER: HOUSEHOLD}) as own:
        said = f"Order rejected - reason:Account {NUMBER} may not trade; see {OTHER}."
        refused = FaultMatch(request="placeOrder", account=NUMBER)
        own.gateway.add_fault(FaultRule(action="reject", match=refused, count=None, text=said))
        outcome = (await (await own.trigger("pension")).result()).outcome
        assert outcome is not None
        assert any("reason:Account pension may not trade; see household." in each.reason for each in outcome.orders)
        own.gateway.add_fault(FaultRule(action="notice", code=321, text=f"{NUMBER}: the API is in Read-Only mode"))
        await until(lambda: "the gateway says: pension: the API is in Read-Only mode" in caplog.text)
    assert NUMBER not in caplog.text


async def test_each_of_more_than_fifty_accounts_is_asked_for_by_its_number() -> None:
    many = {f"DU{n}": Holding(cash="1000", holdings={"SPY": 50 + n}) for n in range(1000001, 1000061)}
    many["DU1000060"].alias = "pension"
    async with house(many) as own:
        outcome = (await (await own.trigger("pension")).result()).outcome
        assert outcome is not None
        asked = {request.account for request in own.gateway.requests if request.name == "reqPositionsMulti"}
        assert asked == set(many)
        assert {order.account for order in own.gateway.engine.orders} == {"DU1000060"}


async def test_an_account_that_is_added_with_an_alias_is_read_and_traded_from_then_on() -> None:
    async with house({NUMBER: PENSION, OTHER: Holding()}, workers=0) as own:
        own.configuration = configuration({NUMBER: PENSION}, quick_settings())
        own.in_use.__init__(own.configuration)
        async with own.working():
            assert (await (await own.trigger("pension")).result()).outcome is not None
            own.in_use.use(configuration({NUMBER: PENSION, OTHER: HOUSEHOLD}, quick_settings()))
            assert (await (await own.trigger("household")).result()).outcome is not None
        assert {order.symbol for order in own.accepted_orders(OTHER)} == {"GLD"}
