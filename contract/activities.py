"""Every activity: what it is asked with and what it answers.

Workflows call these signatures, and the activities implement them, so that the type checker holds both to the same
types. Each class is served on one queue, or in the worker that has the workflow.
"""

from abc import ABC, abstractmethod

from temporalio import activity

from contract.alerts import Alert, AlertRequest, Collected, Routing, Telling
from contract.requests import (
    Acknowledgement,
    AcknowledgeRequest,
    CancelOpenRequest,
    ContractsRequest,
    HistoryRequest,
    IntentsRequest,
    Opening,
    OpeningRequest,
    PlaceRequest,
    PrepareRequest,
    RepriceRequest,
    SnapshotRequest,
    TurnRequest,
    Verdict,
)
from contract.schedules import Delivery, MeasuredDrift, ScheduledRequest
from contract.seals import SealRequest
from rebalancing.accounts import Account
from rebalancing.funding.margin_preview import MarginPreview, MarginQuestions, MarginRequest
from rebalancing.guards import Breach, GuardRequest
from rebalancing.market.snapshot import AccountSnapshot
from rebalancing.orders.order import Intent, OrderReport
from rebalancing.orders.placed_order import PlacedOrder
from rebalancing.planner.plan import Plan, PlannedOrder, PlanRequest
from rebalancing.targets import Targets
from rebalancing.triggers import Trigger


class OpeningContract(ABC):
    """What a run must know before it begins. Local activities."""

    @activity.defn
    @abstractmethod
    async def open_rebalance(self, request: OpeningRequest) -> Opening:
        """The account's configuration, the settings, and what earlier runs remember."""


class SealsContract(ABC):
    """What seals are worth (promise P10). Local."""

    @activity.defn
    @abstractmethod
    async def judge_seal(self, request: SealRequest) -> str:
        """Why what was asked of this run does not count, in words; empty where it does."""


class TargetsContract(ABC):
    """The published target weights; first as a local activity, then on the queue ``rebalances``."""

    @activity.defn
    @abstractmethod
    async def read_targets(self, account: Account) -> Targets:
        """Read them, with the account's replacements applied."""


class HaltsContract(ABC):
    """Whether trading is held. Local."""

    @activity.defn
    @abstractmethod
    async def what_holds(self, account: str) -> str:
        """What lets no order of this account go out at this moment, in words; empty where nothing does."""


class HistoryContract(ABC):
    """What the broker knows and this history does not. Local."""

    @activity.defn
    @abstractmethod
    async def unknown_orders(self, request: HistoryRequest) -> tuple[PlacedOrder, ...]:
        """Those of the orders that this history does not know, and that nobody has accepted."""


class CircuitBreakerContract(ABC):
    """What ends a row of failures before the next account follows them. Local."""

    @activity.defn
    @abstractmethod
    async def judge(self, verdict: Verdict) -> bool:
        """Count one live rebalance; whether its strategy is paused now."""


class PlanningContract(ABC):
    """What is computed: activities, so that results are recorded and a changed planner never breaks a replay. Local."""

    @activity.defn
    @abstractmethod
    async def make_plan(self, request: PlanRequest) -> Plan:
        """Plan both legs."""

    @activity.defn
    @abstractmethod
    async def size_buys(self, request: PlanRequest) -> tuple[PlannedOrder, ...]:
        """Size the buy leg for the cash that is there."""

    @activity.defn
    @abstractmethod
    async def check_guards(self, request: GuardRequest) -> tuple[Breach, ...]:
        """The guards that a plan breaches."""


class ScheduleContract(ABC):
    """What a schedule does when its time has come; on ``rebalances``."""

    @activity.defn
    @abstractmethod
    async def scheduled_accounts(self, request: ScheduledRequest) -> tuple[str, ...]:
        """The accounts that it is for by now; ``AccountUnknown`` or ``StrategyUnknown`` where there are none."""

    @activity.defn
    @abstractmethod
    async def deliver_triggers(self, asked: Delivery | tuple[Trigger, ...]) -> None:
        """Deliver each to its account's workflow; again does no harm (promise P2)."""

    @activity.defn
    @abstractmethod
    async def read_drifts(self, dry_runs: tuple[Trigger, ...]) -> tuple[MeasuredDrift, ...]:
        """What those of these dry runs came to that are over."""


class AlertsContract(ABC):
    """How alerts reach people; on ``alerts``."""

    @activity.defn
    @abstractmethod
    async def route_alert(self, request: AlertRequest) -> Routing:
        """Who gets it, by the configuration of this moment."""

    @activity.defn
    @abstractmethod
    async def tell(self, telling: Telling) -> None:
        """Tell one receiver."""

    @activity.defn
    @abstractmethod
    async def collect_alert(self, collected: Collected) -> None:
        """Hand it to the next digest."""

    @activity.defn
    @abstractmethod
    async def publish_outcome(self, alert: Alert) -> None:
        """Publish what a run came to on the Ably channel for outcomes."""


class TurnContract(ABC):
    """Turns, where only so many rebalances may run at once; on ``rebalance-turns``."""

    @activity.defn
    @abstractmethod
    async def hold_turn(self, request: TurnRequest) -> None:
        """Tell the workflow that its turn has come, and hold the slot until it gives the turn back by cancelling."""


class GatewayContract(ABC):
    """What sends requests to the gateway: in its one slot (promise P4)."""

    @activity.defn
    @abstractmethod
    async def empty_visit(self) -> None:
        """Ask for nothing: whoever awaits it knows that every visit that began before it has ended."""

    @activity.defn
    @abstractmethod
    async def read_snapshot(self, request: SnapshotRequest) -> AccountSnapshot:
        """Read an account, its contracts and quotes."""

    @activity.defn
    @abstractmethod
    async def read_contracts(self, request: ContractsRequest) -> None:
        """Read contract details before they are needed. Asked for by the worker itself, when nothing else waits."""

    @activity.defn
    @abstractmethod
    async def ask_margin(self, request: MarginRequest) -> MarginQuestions:
        """Send what-if orders for a whole plan. Places nothing."""

    @activity.defn
    @abstractmethod
    async def place_leg(self, request: PlaceRequest) -> tuple[OrderReport, ...]:
        """Place a leg, adopting what is there; it does not hold the slot for the answers."""

    @activity.defn
    @abstractmethod
    async def reprice_leg(self, request: RepriceRequest | tuple[Intent, ...]) -> tuple[OrderReport, ...]:
        """Bring the limits of a leg's working orders up to the market."""

    @activity.defn
    @abstractmethod
    async def cancel_orders(self, request: IntentsRequest) -> tuple[OrderReport, ...]:
        """Cancel what still works of these intents, and wait for the confirmation (promise P8)."""

    @activity.defn
    @abstractmethod
    async def cancel_open_orders(self, request: CancelOpenRequest) -> tuple[str, ...]:
        """Cancel the account's working orders; the refs of those that still work."""


class ConnectionContract(ABC):
    """What rests on the gateway's connection and sends nothing: it does not wait for the slot."""

    @activity.defn
    @abstractmethod
    async def read_pushed(self, request: SnapshotRequest) -> AccountSnapshot | None:
        """The account as the gateway pushed it; ``None`` if something would have to be asked for."""

    @activity.defn
    @abstractmethod
    async def prepare_leg(self, request: PrepareRequest) -> tuple[Intent, ...]:
        """Reserve order ids, so that the intents are in history before a byte is sent (promise P3)."""

    @activity.defn
    @abstractmethod
    async def acknowledge_leg(self, request: AcknowledgeRequest) -> Acknowledgement:
        """Wait for the gateway's answers to a leg, and for its fills as long as the request says."""

    @activity.defn
    @abstractmethod
    async def await_fills(self, request: IntentsRequest) -> tuple[OrderReport, ...]:
        """Wait until none of these orders works any more, or the time is over."""

    @activity.defn
    @abstractmethod
    async def margin_answers(self, questions: MarginQuestions) -> MarginPreview:
        """Await what IBKR says; ``GatewayRenewed`` where the connection was lost meanwhile: ask again."""
