"""What a workflow asks of its activities, and what they answer that is not a domain word of its own."""

from typing import Any

from pydantic import field_serializer

from contract.seals import SealFindings
from rebalancing.accounts import Account, AccountType
from rebalancing.base import FrozenModel, Instant, Weight
from rebalancing.funding.account_kind import Funding
from rebalancing.market.snapshot import AccountSnapshot
from rebalancing.orders.order import Intent, LegOrder, OrderReport
from rebalancing.orders.placed_order import PlacedOrder
from rebalancing.settings import Settings
from rebalancing.triggers import EventRing, Trigger


class OpeningRequest(FrozenModel):
    """Asks for what a run must know before it begins. ``run_id`` is the run that asks.

    A follow-up run was handed what the account remembers, by the run ``run_before`` with its ``proof``. ``triggers``
    are the live ones whose seals are to be looked at.
    """

    account: str
    workflow_id: str
    run_id: str
    is_follow_up: bool = False
    run_before: str = ""
    proof: str = ""
    triggers: tuple[Trigger, ...] = ()


class Opening(FrozenModel):
    """The account's configuration, the settings in force, and what earlier runs remember.

    ``events`` are those they took on (promise P2), ``last_targets`` those of the last finished rebalance, if any.
    ``held_by`` says what lets no order of the account go out, empty where nothing does. ``seals`` is ``None`` where
    none are required: there every trigger counts. ``restored_at`` is when this history was put back, if it was: what
    was asked for before is not traded any more.
    """

    account: Account
    settings: Settings
    events: EventRing
    last_targets: dict[str, Weight] | None = None
    held_by: str = ""
    seals: SealFindings | None = None
    restored_at: Instant | None = None

    @field_serializer("account", "settings", when_used="json")
    def _in_full(self, value: FrozenModel) -> dict[str, Any]:
        """Defaults too: a later release may have others, and a run goes on by what it began with."""
        return value.model_dump(mode="json")


class Verdict(FrozenModel):
    """How one live rebalance ended: ``failure`` says what went wrong, empty where nothing did.

    ``limit`` is how many in a row pause the strategy.
    """

    account: str
    strategy: str
    run_id: str
    limit: int
    failure: str = ""


class HistoryRequest(FrozenModel):
    """Asks which of these orders at the broker this history does not know; ``run_id`` is the first id of who asks.

    ``hold``: nothing of the account is to be sent while there are such.
    """

    account: str
    run_id: str
    orders: tuple[PlacedOrder, ...]
    hold: bool


class TurnRequest(FrozenModel):
    """Asks to hold a turn for this run of a workflow."""

    workflow_id: str
    run_id: str


class SnapshotRequest(FrozenModel):
    """Asks for an account's snapshot with the quotes of everything it holds and of ``symbols``, less ``held_out``.

    ``known`` are those whose contracts and quotes an earlier visit has read; ``known_contracts`` those whose contracts
    the asking run has, so that they need not be in its history again. ``order_ids`` is how many ids are to be reserved
    for a leg that is sized by what is read; ``costs`` asks for what holdings were bought for, which no run needs.
    ``known_refs`` asks for the orders of ours that the broker lists of today, but for these; ``None`` asks for none.
    """

    account: str
    account_type: AccountType = AccountType.PAPER
    symbols: tuple[str, ...] = ()
    held_out: frozenset[str] = frozenset()
    funding: Funding = Funding.AUTO
    known: tuple[str, ...] = ()
    known_contracts: tuple[str, ...] = ()
    order_ids: int = 0
    costs: bool = False
    known_refs: tuple[str, ...] | None = None

    @classmethod
    def of(cls, account: Account, symbols: tuple[str, ...] = (), order_ids: int = 0) -> "SnapshotRequest":
        """Asks for what concerns this account."""
        return cls(
            account=account.account_id,
            account_type=account.type,
            symbols=symbols,
            held_out=account.held_out,
            funding=account.funding,
            order_ids=order_ids,
        )

    def rest_of(self, snapshot: AccountSnapshot) -> "SnapshotRequest":
        """Asks for what the visit that took this snapshot left unread."""
        return self.model_copy(update={"known": tuple(snapshot.quotes)})


class ContractsRequest(FrozenModel):
    """Asks for the contract details of these symbols to be at hand from now on."""

    symbols: tuple[str, ...]


class CancelOpenRequest(FrozenModel):
    """Asks to cancel every working order of an account; ``timeout`` in seconds."""

    account: str
    timeout: float


SENDING_BEGAN = "sending began"
"""What an attempt to place a leg tells the server before the first byte; without it the leg is certainly unsent."""

NOTHING_SENT = "nothing sent"
"""In the details of a failure to place a leg: no attempt told the server that its sending begins."""


class PrepareRequest(FrozenModel):
    """Asks to reserve order ids for a leg, all of them ``above`` an id that must not be overtaken any more."""

    orders: tuple[LegOrder, ...]
    above: int = 0


class PlaceRequest(FrozenModel):
    """Asks to place a leg. ``never_sent``: no earlier activity has begun to send any of these intents.

    ``permit`` is the asking run's, where seals are required (``contract.seals``).
    """

    intents: tuple[Intent, ...]
    never_sent: bool = False
    permit: str = ""


class RepriceRequest(FrozenModel):
    """Asks to bring the limits of a leg's working orders up to the market, with the run's ``permit``."""

    intents: tuple[Intent, ...]
    permit: str = ""


class IntentsRequest(FrozenModel):
    """Asks to await or to cancel the orders of these intents; ``timeout`` in seconds."""

    intents: tuple[Intent, ...]
    timeout: float


class AcknowledgeRequest(IntentsRequest):
    """Asks what becomes of a leg that was placed, and how the account stands if the leg is over by then."""

    reading: SnapshotRequest | None = None


class Acknowledgement(FrozenModel):
    """What the gateway said of a leg. ``snapshot``: the account after it, where that needed no request."""

    reports: tuple[OrderReport, ...]
    snapshot: AccountSnapshot | None = None
