"""The operator's word counts on a machine with a key, as a person's does at the command line."""

import httpx
import pytest

from activities.gateway import order_desk
from chaos.accounts import ACCOUNTS
from chaos.operator import Operator
from configuration.key_ring import make_key_file
from rebalancing.outcomes import Phase
from simulator.gateway.control import ControlPort
from simulator.gateway.faults import FaultMatch, FaultRule
from testbed.addresses import HOST
from testbed.background import in_background
from testbed.gateway_control import GatewayControl
from tests.house import Holding, house, phase_reached
from tests.seals.asking import sealed, send


async def test_what_it_says_of_an_order_is_taken_where_seals_are_required(monkeypatch: pytest.MonkeyPatch) -> None:
    make_key_file("ann")
    monkeypatch.setattr(order_desk, "ACKNOWLEDGE_TIMEOUT", 0.5)
    account = next(iter(ACCOUNTS))
    async with house({account: Holding(weights={"QQQ": "1"})}) as own:
        own.gateway.add_fault(FaultRule(action="swallow", match=FaultMatch(request="placeOrder")))
        handle = await send(own, sealed(account=account))
        await phase_reached(handle, Phase.NEEDS_OPERATOR)
        control = ControlPort(own.gateway, HOST, 0)
        await control.start()
        try:
            async with httpx.AsyncClient(trust_env=False) as http:
                operator = Operator(own.client, GatewayControl(http, control.port))
                async with in_background(operator.watch()):
                    outcome = (await handle.result()).outcome
        finally:
            await control.stop()
    assert outcome is not None
    assert [order.filled for order in outcome.orders] == [0]
    assert [question.account for question in operator.questions] == [account]
