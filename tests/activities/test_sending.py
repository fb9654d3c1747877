"""What the order desk sends over a real connection, and what it does not send any more (promises P3 and P11)."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from activities.gateway.order_desk import PERMISSION_LIFETIME, OrderDesk
from rebalancing.errors import SendingUnconfirmed
from rebalancing.freshness import Figures, figures_of
from rebalancing.market.snapshot import AccountSnapshot
from rebalancing.market.trading_hours import TradingSession
from rebalancing.orders.order import LegOrder, OrderReport, OrderState, Side, intents_under
from simulator.gateway.requests import ContractQuery, OrderTicket
from tests.activities.test_quote_feed import Desk, desk

FRESHNESS = timedelta(seconds=60)
SYMBOLS = ("QQQ", "SPY", "BND")


async def confirmed() -> str:
    """Temporal's word that the sending begins, and that nothing forbids it."""
    return ""


async def orders_for(own: Desk, *symbols: str) -> tuple[LegOrder, ...]:
    """One order for each symbol, sized by what is read now."""
    snapshot = await own.read("DU1", *symbols)
    return tuple(
        LegOrder(
            ref=f"rb-1-1-{number}-0a1b2c3d",
            account="DU1",
            symbol=symbol,
            con_id=snapshot.contracts[symbol].con_id,
            side=Side.BUY,
            quantity=3,
            figures=figures_now(snapshot, symbol),
        )
        for number, symbol in enumerate(symbols, start=1)
    )


def figures_now(snapshot: AccountSnapshot, symbol: str) -> Figures:
    """The figures of an order made of this reading at once, while the market is open."""
    return figures_of(snapshot, symbol, snapshot.contracts[symbol].sessions, FRESHNESS, datetime.now(UTC))


async def sent(own: Desk) -> list[str]:
    """The symbols of what reached the gateway as an order, in order."""
    await own.session.check()  # answered once what went before has arrived
    return own.asked("placeOrder")


def states(reports: tuple[OrderReport, ...]) -> list[OrderState]:
    """What became of each."""
    return [report.state for report in reports]


def desk_at(own: Desk, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> OrderDesk:
    """An order desk of this session that reserves ids at once."""
    return OrderDesk(own.session, timedelta(), clock)


async def trade_by_somebody_else(own: Desk, symbol: str) -> None:
    """Buy a share past this application, and wait until the session was told of it."""
    ticket = OrderTicket(account="DU1", action="BUY", quantity=Decimal(1), order_type="MKT", tif="DAY")
    own.gateway.engine.place(9, 1, ContractQuery(symbol=symbol, sec_type="STK"), ticket)
    own.gateway.wake()
    while symbol not in {held.contract.symbol for held in own.session.ib.positions("DU1")}:
        await own.session.ib.updateEvent


async def test_a_process_that_was_frozen_between_two_orders_sends_no_more() -> None:
    async with desk() as own:
        orders = await orders_for(own, *SYMBOLS)

        def clock() -> datetime:
            """Goes on while the process is frozen, as it is once the first order is out."""
            frozen_for = timedelta(seconds=65) if own.session.ledger.find(orders[0].ref) else timedelta()
            return datetime.now(UTC) + frozen_for

        place = desk_at(own, clock)
        reports = await place.place(place.prepare(orders), confirmed, never_sent=True)
        assert states(reports) == [OrderState.WORKING, OrderState.WITHDRAWN, OrderState.WITHDRAWN]
        assert await sent(own) == ["QQQ"]


async def test_no_order_goes_out_while_something_forbids_it_and_what_was_sent_before_is_still_told() -> None:
    async with desk() as own:
        place = desk_at(own)
        first, *others = place.prepare(await orders_for(own, *SYMBOLS))
        await place.place((first,), confirmed, never_sent=True)

        async def halted() -> str:
            return "trading is halted"

        reports = await place.place((first, *others), halted, never_sent=False)
        assert states(reports)[1:] == [OrderState.WITHDRAWN, OrderState.WITHDRAWN]
        assert states(reports)[0] is not OrderState.WITHDRAWN
        assert {report.reason for report in reports[1:]} == {"trading is halted"}
        assert await sent(own) == ["QQQ"]


async def test_permission_to_send_is_good_for_seconds_only() -> None:
    """So that whoever halts trading knows when a worker that was frozen since it asked sends no more."""
    async with desk() as own:
        is_frozen = False

        def clock() -> datetime:
            return datetime.now(UTC) + (PERMISSION_LIFETIME if is_frozen else timedelta())

        async def permission() -> str:
            nonlocal is_frozen
            is_frozen = True
            return ""

        place = desk_at(own, clock)
        reports = await place.place(place.prepare(await orders_for(own, *SYMBOLS)), permission, never_sent=True)
        assert set(states(reports)) == {OrderState.WITHDRAWN}
        assert await sent(own) == []


async def test_nothing_is_sent_before_the_server_has_confirmed_that_the_sending_begins() -> None:
    async with desk() as own:
        place = desk_at(own)

        async def seen() -> str:
            assert await sent(own) == []
            raise SendingUnconfirmed("Temporal is away")

        with pytest.raises(SendingUnconfirmed):
            await place.place(place.prepare(await orders_for(own, *SYMBOLS)), seen, never_sent=True)
        assert await sent(own) == []


async def test_what_was_sized_on_an_earlier_connection_is_withdrawn_if_its_sending_never_began() -> None:
    """Its id is used up by another order, so that without the server's word nobody could tell."""
    async with desk() as earlier:
        intents = desk_at(earlier).prepare(await orders_for(earlier, "QQQ"))
        earlier.gateway.engine.use_up(7, intents[0].order_id)
        earlier.session.close()
        async with earlier.another_session() as own:
            place = desk_at(own)
            assert states(await place.place(intents, confirmed, never_sent=True)) == [OrderState.WITHDRAWN]
            assert states(await place.place(intents, confirmed)) == [OrderState.UNKNOWN]
            assert await sent(own) == []


async def test_what_may_have_been_sent_but_was_never_received_is_withdrawn_and_its_id_stays_below_the_next() -> None:
    async with desk() as earlier:
        intents = desk_at(earlier).prepare(await orders_for(earlier, "QQQ"))
        earlier.session.close()
        async with earlier.another_session() as own:
            place = desk_at(own)
            assert states(await place.place(intents, confirmed)) == [OrderState.WITHDRAWN]
            (again,) = place.prepare(await orders_for(own, "QQQ"), above=intents[0].order_id)
            assert again.order_id > intents[0].order_id


async def test_a_position_that_changed_since_the_reading_withdraws_the_order() -> None:
    async with desk() as own:
        place = desk_at(own)
        intents = place.prepare(await orders_for(own, "QQQ", "SPY"))
        await trade_by_somebody_else(own, "QQQ")
        reports = await place.place(intents, confirmed, never_sent=True)
        assert states(reports) == [OrderState.WITHDRAWN, OrderState.WORKING]
        assert "position changed from 0 to 1" in reports[0].reason


async def test_a_market_that_has_closed_since_the_reading_withdraws_the_order() -> None:
    async with desk() as own:
        snapshot = await own.read("DU1", "QQQ")
        closes_at = datetime.now(UTC) + timedelta(seconds=10)
        session = TradingSession(opens_at=closes_at - timedelta(hours=6), closes_at=closes_at)
        figures = figures_of(snapshot, "QQQ", (session,), FRESHNESS, datetime.now(UTC))
        (order,) = await orders_for(own, "QQQ")
        place = desk_at(own, lambda: datetime.now(UTC) + timedelta(seconds=11))
        intents = place.prepare((order.model_copy(update={"figures": figures}),))
        assert states(await place.place(intents, confirmed, never_sent=True)) == [OrderState.WITHDRAWN]
        assert await sent(own) == []


async def test_an_order_of_ours_that_came_to_light_withdraws_one_for_the_same_symbol() -> None:
    """As one does that a history knows nothing of, because it was rolled back."""
    async with desk(latency={"fill": (60, 60)}) as own:
        place = desk_at(own)
        await place.place(place.prepare(await orders_for(own, "QQQ")), confirmed, never_sent=True)
        rival, other = await orders_for(own, "QQQ", "SPY")
        intents = place.prepare((rival.model_copy(update={"ref": "rb-2-1-1-0a1b2c3d"}), other))
        reports = await place.place(intents, confirmed, never_sent=True)
        assert states(reports) == [OrderState.WITHDRAWN, OrderState.WORKING]
        assert await sent(own) == ["QQQ", "SPY"]


async def test_what_may_go_out_only_after_all_was_looked_at_is_not_sent_without_the_servers_word(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its rival ends while there is no room to write: nobody was told by then that any sending begins."""
    async with desk(latency={"fill": (60, 60)}) as own:
        place = desk_at(own)
        (first,) = place.prepare(await orders_for(own, "QQQ"))
        await place.place((first,), confirmed, never_sent=True)
        await place.acknowledged((first,))
        (rival,) = await orders_for(own, "QQQ")
        intents = place.prepare((rival.model_copy(update={"ref": "rb-2-1-1-0a1b2c3d"}),))

        async def room() -> None:
            await place.cancel((first,), timeout=5)

        async def never_asked() -> str:
            pytest.fail("nothing was to be sent when the leg was looked at")

        monkeypatch.setattr(own.session, "room", room)
        await place.place(intents, never_asked, never_sent=True)
        assert await sent(own) == ["QQQ"]


def test_figures_are_old_by_another_connection_by_time_and_by_a_clock_that_was_set_back() -> None:
    now = datetime.now(UTC)
    own = Figures(connection="a", taken_at=now, fresh_until=now + FRESHNESS, position=0)
    assert own.staleness("a", now) == ""
    assert own.staleness("b", now)
    assert own.staleness("a", now + FRESHNESS)
    assert own.staleness("a", now - timedelta(seconds=6))


# --- ids that come with a reading -------------------------------------------------------------------------------------


async def test_ids_that_came_with_a_reading_are_nobody_elses_and_are_overtaken_like_all_others() -> None:
    async with desk() as own:
        place = desk_at(own)
        ids = place.reserve(24)
        assert ids is not None
        orders = await orders_for(own, "QQQ", "SPY")
        (other,) = place.prepare(orders[1:])
        assert other.order_id >= ids.first + ids.count
        await place.place((other,), confirmed, never_sent=True)
        late = intents_under(ids, orders[:1])
        assert states(await place.place(late, confirmed, never_sent=True)) == [OrderState.NOT_SENT]
        assert await sent(own) == ["SPY"]


async def test_two_legs_that_a_history_which_was_put_back_numbers_alike_come_to_one_order() -> None:
    async with desk() as own:
        place = desk_at(own)
        ids = place.reserve(24)
        assert ids is not None
        orders = await orders_for(own, "QQQ", "SPY")
        first, again = (intents_under(ids, (order,)) for order in orders)
        assert states(await place.place(first, confirmed, never_sent=True)) == [OrderState.WORKING]
        assert states(await place.place(again, confirmed, never_sent=True)) == [OrderState.NOT_SENT]
        assert await sent(own) == ["QQQ"]


async def test_a_young_connection_lends_no_ids_and_nobody_gets_any_who_asks_for_none() -> None:
    async with desk() as own:
        assert OrderDesk(own.session, timedelta(minutes=1)).reserve(24) is None
        assert desk_at(own).reserve(0) is None
