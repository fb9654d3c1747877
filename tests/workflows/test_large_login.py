"""A login with more than 50 accounts, of which IBKR tells neither positions nor values together."""

from collections import Counter

from rebalancing.orders.order import OrderState
from simulator.gateway.faults import FaultMatch, FaultRule
from tests.house import Holding, failure_of, house

ACCOUNTS = {f"DU{n}": Holding(cash="1000", holdings={"SPY": 50 + n}) for n in range(1, 61)}


async def test_each_account_is_asked_for_by_itself_and_traded_from_what_it_holds() -> None:
    async with house(ACCOUNTS) as own:
        outcome = (await (await own.trigger("DU60")).result()).outcome
        asked = Counter(request.name for request in own.gateway.requests)
        assert asked["reqPositionsMulti"] == 60
        assert asked["reqPositions"] == asked["reqAccountSummary"] == 0
        assert outcome is not None
        assert [(order.symbol, order.filled) for order in outcome.orders if order.side == "SELL"] == [("SPY", 110)]
        bought = {order.symbol: order.filled for order in outcome.orders if order.side == "BUY"}
        assert own.gateway.engine.accounts["DU60"].positions == bought


async def test_a_leg_cut_off_by_a_lost_connection_is_finished_on_the_next_one() -> None:
    async with house(ACCOUNTS) as own:
        own.gateway.add_fault(FaultRule(action="close_after", match=FaultMatch(request="placeOrder"), after=2))
        outcome = (await (await own.trigger("DU1")).result()).outcome
        refs = [order.ref for order in own.gateway.engine.orders]
        assert len(refs) == len(set(refs))
        assert outcome is not None
        assert {order.state for order in outcome.orders} == {OrderState.FILLED}
        # What was cut off is planned anew, with the commissions told by then: a share more of BND may be affordable.
        held = own.gateway.engine.accounts["DU1"].positions
        assert (held["QQQ"], held["GLD"]) == (29, 18)
        assert held["BND"] in (139, 140)


async def test_no_account_is_read_before_the_positions_of_all_are_told() -> None:
    async with house(ACCOUNTS, workers=0) as own:
        own.gateway.add_fault(FaultRule(action="close_after", match=FaultMatch(request="reqPositionsMulti"), after=30))
        async with own.working():
            outcome = (await (await own.trigger("DU60")).result()).outcome
        cut_off = {request.name for request in own.gateway.requests if request.connection == 1}
        assert "reqContractDetails" not in cut_off
        assert outcome is not None
        assert [order.filled for order in outcome.orders if order.symbol == "SPY"] == [110]


async def test_an_account_whose_positions_are_refused_is_not_taken_for_an_empty_one() -> None:
    async with house(ACCOUNTS, workers=0) as own:
        refused = FaultMatch(request="reqPositionsMulti", account="DU7")
        own.gateway.add_fault(FaultRule(action="reject", match=refused, code=321, count=2))
        async with own.working():
            assert (await failure_of(await own.trigger("DU7"))).type == "PositionsUnknown"
            assert (await (await own.trigger("DU1")).result()).outcome is not None
            assert {order.account for order in own.gateway.engine.orders} == {"DU1"}
            outcome = (await (await own.trigger("DU7", "event-2")).result()).outcome  # the refusals are over
        assert outcome is not None
        assert [order.filled for order in outcome.orders if order.symbol == "SPY"] == [57]


async def test_an_account_that_is_divided_into_models_is_not_traded() -> None:
    divided = Holding(holdings={"SPY": 10}, books={"model": "Growth"})
    async with house({**ACCOUNTS, "DU61": divided}) as own:
        assert (await failure_of(await own.trigger("DU61"))).type == "AccountInModels"
        assert (await (await own.trigger("DU1")).result()).outcome is not None
        assert {order.account for order in own.gateway.engine.orders} == {"DU1"}


async def test_models_are_noticed_as_well_where_the_positions_were_refused_at_first() -> None:
    divided = Holding(holdings={"SPY": 10}, books={"model": "Growth"})
    async with house({**ACCOUNTS, "DU61": divided}, workers=0) as own:
        refused = FaultMatch(request="reqPositionsMulti", account="DU61")
        own.gateway.add_fault(FaultRule(action="reject", match=refused, code=321))
        async with own.working():
            assert (await failure_of(await own.trigger("DU61"))).type == "AccountInModels"
        assert not own.gateway.engine.orders
