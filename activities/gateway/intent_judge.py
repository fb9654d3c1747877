"""What becomes of intents on one connection to the gateway: which may be sent, and what is known of them (promise P3).

Pure: it is given the ledger, positions and the time, and neither reads nor sends anything. The order desk asks it right
before every send and tells it what it did. The rule numbers are those of ``docs/intent-states.md``.
"""

from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from activities.gateway.ledger import OrderLedger
from rebalancing.market.snapshot import ReservedIds
from rebalancing.orders.intent_fate import Evidence, Fate, OrderIds, fate_of
from rebalancing.orders.order import Intent, OrderReport, OrderState, refers_to

QUIET_PERIOD: Final = timedelta(seconds=4)
"""How long an order may be invisible on a new connection before it counts as never received (rule 4d)."""

BROKER_ZONE: Final = ZoneInfo("US/Eastern")
"""IBKR's day ends at midnight here: its queries do not look further back."""


def trading_day(at: datetime) -> str:
    """IBKR's date at this moment, ``YYYYMMDD``."""
    return at.astimezone(BROKER_ZONE).strftime("%Y%m%d")


class IntentJudge:
    """Knows one connection: its ids, its ledger, and when everything was asked for on it."""

    def __init__(
        self, connection: str, client_id: int, ledger: OrderLedger, next_valid_id: int, looked_up_at: datetime
    ) -> None:
        """``connection`` is its name, ``next_valid_id`` what the gateway named at the handshake."""
        self._connection = connection
        self._client_id = client_id
        self._ledger = ledger
        self._looked_up_at = looked_up_at
        self._ids = OrderIds(next_valid_id)

    def reserve(self, count: int, now: datetime, at_least: int) -> ReservedIds:
        """Ids that nothing else has.

        A gateway that rolled its count back offers used ids again: those that it tells are passed over. Completed
        orders are listed without theirs.
        """
        lowest = max(at_least, self._ledger.highest_id(self._client_id) + 1)
        return ReservedIds(first=self._ids.reserve(lowest, count), count=count, trading_day=trading_day(now))

    def is_of_this_connection(self, intent: Intent) -> bool:
        """Whether it got its id on this connection: ids are reserved with the account's reading, or after it."""
        return intent.figures.connection == self._connection

    def evidence(
        self, intent: Intent, position: int, now: datetime, *, never_sent: bool, held_by: str = ""
    ) -> Evidence:
        """What is known of an intent now.

        ``position`` is what is held of its contract, in whole shares. ``never_sent`` says that Temporal has no word
        that its sending ever began. ``held_by`` is what lets no order go out, such as a halt: when that is over, what
        the intent was sized by is old (promise P11).
        """
        holder = self._ledger.holder_of(self._client_id, intent.order_id)
        return Evidence(
            found=self._ledger.holds(intent.ref),
            never_sent=never_sent or self.is_of_this_connection(intent),
            staleness=held_by or intent.figures.staleness(self._connection, now),
            id_taken=holder is not None and not refers_to(holder, intent.ref),
            has_rival=self._ledger.has_rival(intent, self._client_id),
            order_id=intent.order_id,
            highest_sent=self._ids.highest_sent,
            next_valid_id=self._ids.next_valid_id,
            trading_day=intent.trading_day,
            today=trading_day(now),
            position_before=intent.position_before,
            position_now=position,
            quiet_period_over=self.quiet_for(now) <= 0,
        )

    def fate(self, evidence: Evidence) -> Fate:
        """What to do with an intent of which this is known."""
        return fate_of(evidence)

    def quiet_for(self, now: datetime) -> float:
        """Seconds left of the quiet period."""
        return (self._looked_up_at + QUIET_PERIOD - now).total_seconds()

    def note_sent(self, intent: Intent) -> None:
        """The intent goes out now."""
        self._ledger.note_sent(intent, self._client_id)
        self._ids.note_sent(intent.order_id)

    def note_turned_away(self, intent: Intent) -> None:
        """The gateway says that the intent's id was used before."""
        self._ids.note_used_before(intent.order_id)

    def note_repriced(self, intent: Intent) -> None:
        """The intent's order gets another limit now."""
        self._ledger.note_modified(intent)

    def may_change(self, intent: Intent, now: datetime) -> bool:
        """Whether more may be heard of an order; on a new connection one that is listed late may still turn up."""
        state = self._ledger.state(intent)
        if state is OrderState.NOT_SENT and not self.is_of_this_connection(intent):
            return self.quiet_for(now) > 0
        return state is OrderState.WORKING

    def may_reprice(self, intent: Intent, now: datetime) -> bool:
        """Whether the intent's order is certainly there, so that a new price for it is no second order."""
        return self._ledger.may_be_modified(intent, self._client_id, trading_day(now))

    def placed(self, intent: Intent, evidence: Evidence) -> OrderReport:
        """What became of an intent that was to be placed."""
        report = self._ledger.report(intent)
        match self.fate(evidence):
            case Fate.ADOPT:
                return report
            case Fate.SEND | Fate.NEW_ID:
                return report.model_copy(update={"state": OrderState.NOT_SENT})
            case Fate.WITHDRAW:
                return report.model_copy(update={"state": OrderState.WITHDRAWN, "reason": evidence.obsolete})
            case Fate.WAIT | Fate.UNKNOWN:
                return self.report(intent)

    def report(self, intent: Intent) -> OrderReport:
        """What is known of an intent; one of an earlier connection that is listed nowhere is unknown."""
        report = self._ledger.report(intent)
        if report.state is not OrderState.NOT_SENT or self.is_of_this_connection(intent):
            return report
        reason = (
            f"order {intent.order_id} ({intent.side} {intent.quantity} {intent.symbol}) was reserved before the last "
            "reconnect and the broker lists it nowhere. Look for it in TWS (trade log) before deciding."
        )
        return report.model_copy(update={"state": OrderState.UNKNOWN, "reason": reason})
