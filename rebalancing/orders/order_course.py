"""How long one order is worked, when its limit follows the market, and what comes after."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from rebalancing.base import FrozenModel, Instant
from rebalancing.market.trading_hours import TradingSession
from rebalancing.orders.market_on_close import close_of_session
from rebalancing.orders.order import Intent, OrderType
from rebalancing.orders.order_policy import OrderPolicy, Remainder


class Course(FrozenModel):
    """The course of one order. ``reprice_at`` holds what is still to come of its repricings, in order.

    ``is_plain``: it is worked for the ordinary time and nothing happens to it meanwhile. ``then`` says what becomes of
    what is left at ``ends_at``.
    """

    intent: Intent
    ends_at: Instant
    reprice_at: tuple[Instant, ...] = ()
    is_plain: bool = True
    then: Remainder = Remainder.GIVE_UP

    @property
    def next_at(self) -> datetime:
        """When something is due next."""
        return self.reprice_at[0] if self.reprice_at else self.ends_at

    def after(self, now: datetime) -> "Course":
        """The course without the repricings that were due by now: those that were missed are not made up for."""
        return self.model_copy(update={"reprice_at": tuple(at for at in self.reprice_at if at > now)})


def course_of(
    intent: Intent, policy: OrderPolicy, now: datetime, fill_timeout: timedelta, sessions: Iterable[TradingSession]
) -> Course:
    """The course of an order that was placed now.

    ``fill_timeout`` is the ordinary time to fill; an order on the close has it from the close on. A limit order is
    worked for as long as it is repriced, and one interval more.
    """
    closes_at = close_of_session(sessions, now)
    if intent.order_type is OrderType.MARKET_ON_CLOSE and closes_at is not None:
        return Course(intent=intent, ends_at=closes_at + fill_timeout, is_plain=False)
    if intent.order_type is OrderType.LIMIT:
        interval, times = timedelta(seconds=policy.reprice_every), policy.reprice_times
        return Course(
            intent=intent,
            ends_at=now + interval * (times + 1),
            reprice_at=tuple(now + interval * number for number in range(1, times + 1)),
            is_plain=False,
            then=policy.then,
        )
    return Course(intent=intent, ends_at=now + fill_timeout)
