"""Evidence of a run in which everything went well, for tests that spoil one thing of it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from chaos.evidence import AccountWord, Broker, BrokerAccount, BrokerExecution, BrokerOrder, Evidence, Run
from chaos.findings import Books
from chaos.timeline import Publish
from rebalancing.freshness import Figures
from rebalancing.orders.order import OrderReport, OrderState, Side
from rebalancing.outcomes import Outcome, Phase
from rebalancing.triggers import EventRecord, EventRing, EventStatus, ExecutionMode

FRESHNESS = 10
NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
ACCOUNT, STRATEGY, REF = "DU1", "blend", "rb-1-2-1"
BOOKS = Books(
    cash={ACCOUNT: Decimal(1000)},
    strategies={ACCOUNT: STRATEGY},
    reserve_percent=Decimal(2),
    holdings={ACCOUNT: {}},
    start_prices={"QQQ": Decimal(100)},
    freshness=timedelta(seconds=FRESHNESS),
)
FIRST = Publish("first", STRATEGY, live=True, weights={"QQQ": 1.0})
LAST = Publish("last", STRATEGY, live=True, weights={"QQQ": 1.0})
PUBLISHED = (FIRST, LAST)
ORDER = BrokerOrder(
    ref=REF, account=ACCOUNT, symbol="QQQ", side=Side.BUY, quantity=9, status="Filled", perm_id=77, placed_at=NOW
)
EXECUTION = BrokerExecution(REF, ACCOUNT, "QQQ", Side.BUY, 9, Decimal(100), Decimal(1), NOW + timedelta(seconds=1))
READ_AT = NOW - timedelta(seconds=2)
FIGURES = Figures(connection="c", taken_at=READ_AT, fresh_until=READ_AT + timedelta(seconds=FRESHNESS), position=0)


def record(event_id: str, status: EventStatus, mode: ExecutionMode = ExecutionMode.REBALANCE) -> EventRecord:
    """What an account remembers of an event."""
    at = NOW + timedelta(seconds=len(event_id))
    return EventRecord(event_id=event_id, mode=mode, requested_at=at, status=status)


def report(filled: int = 9, state: OrderState = OrderState.FILLED) -> OrderReport:
    """What the application says of the one order."""
    return OrderReport(ref=REF, symbol="QQQ", side=Side.BUY, quantity=9, state=state, filled=filled)


def outcome(weight: str = "0.9193") -> Outcome:
    """An outcome; 900 of 999 dollars in QQQ, of a base that leaves 2 % out."""
    return Outcome(
        account=ACCOUNT,
        strategy=STRATEGY,
        mode=ExecutionMode.REBALANCE,
        event_ids=("last",),
        phase=Phase.COMPLETED,
        weights_after={"QQQ": Decimal(weight), "CASH": 1 - Decimal(weight)},
        orders=(report(),),
        started_at=NOW,
        finished_at=NOW,
    )


def broker(
    orders: tuple[BrokerOrder, ...] = (ORDER,),
    executions: tuple[BrokerExecution, ...] = (EXECUTION,),
    cash: str = "99",
    net: str = "999",
) -> Broker:
    """The gateway's ledger."""
    accounts = {ACCOUNT: BrokerAccount(Decimal(cash), {"QQQ": 9}, Decimal(net))}
    return Broker(orders, executions, accounts, {"QQQ": Decimal(100)})


def run(carried: frozenset[str] = frozenset({"first", "last"}), intents: frozenset[str] = frozenset({REF})) -> Run:
    """The account's one run."""
    figures = dict.fromkeys(intents, FIGURES)
    reports = {REF: report()}
    return Run(ACCOUNT, "1", "completed", intents, reports, carried, outcome(), "", figures, frozenset({ACCOUNT}))


def word(*records: EventRecord, is_running: bool = False, last: Outcome | None = None) -> AccountWord:
    """Where the account stands."""
    known = records or (record("first", EventStatus.COMPLETED), record("last", EventStatus.COMPLETED))
    return AccountWord(EventRing(records=known), is_running, "completed", last_outcome=last or outcome())


def evidence() -> Evidence:
    """All of it."""
    return Evidence(broker(), (run(),), {ACCOUNT: word()})
