"""The form of ``accounts.yaml``: our own names, and those of the original system's files.

These models only read; ``configuration.configuration`` turns them into accounts and settings.
"""

from typing import Annotated, Any, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from rebalancing.accounts import Account, AccountType, AllocationsSource, ReservePercent
from rebalancing.approval import ApprovalRequired, ApprovalRules
from rebalancing.guards import Guards
from rebalancing.orders.order_policy import OrderPolicy
from rebalancing.settings import (
    ConcurrencySettings,
    EventSettings,
    FiguresSettings,
    QuoteSettings,
    RetrySettings,
    Settings,
)
from rebalancing.symbols import BySymbol
from rebalancing.targets import Replacement
from rebalancing.web_address import WebAddress

RESERVE_NAMES = ("cash_reserve_percent", "equity_reserve_percentage", "cash_reserve_percentage")
"""What the reserve was called in the original system's files, the present name first."""

_INLINE_SCHEMA: dict[str, Any] = {
    "type": "array",
    "minItems": 1,
    "items": {
        "type": "object",
        "required": ["symbol", "allocation"],
        "properties": {"symbol": {"type": "string"}, "allocation": {"type": "number", "minimum": 0, "maximum": 1}},
    },
}

_REQUIRED_SCHEMA: dict[str, Any] = {"enum": list(ApprovalRequired)}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AllocationsEntry(AllocationsSource, extra="forbid"):
    """Where the weights come from: ``url``, ``file``, or the list itself in place of this block."""


class NotificationEntry(_Strict):
    """The original's way to name the strategy."""

    channel: str


class RebalancingEntry(_Strict):
    """The original's way to name the cash reserve."""

    cash_reserve_percent: ReservePercent | None = None
    equity_reserve_percentage: ReservePercent | None = None
    cash_reserve_percentage: ReservePercent | None = None


class GuardsEntry(Guards, extra="forbid"):
    """Limits that a plan is held against before anything is traded; without a value a guard is off."""


class ApprovalEntry(ApprovalRules, extra="forbid"):
    """When a person must approve of a plan, and for how long it waits. ``approval: always`` says it in one word."""


def _word_as_requirement(value: object) -> object:
    """A word in place of the block says when approval is required."""
    return {"required": value} if isinstance(value, str) else value


class OrderPolicyEntry(OrderPolicy, extra="forbid"):
    """How orders are sent, of an account or of one symbol."""


def _list_as_weights(value: object) -> object:
    """A list in place of the block holds the weights themselves."""
    return {"weights": value} if isinstance(value, list) else value


def _as_people_write_it(schema: dict[str, Any]) -> None:
    """The strategy may be named in either place, the type follows from the number, the set brings its rules."""
    del schema["properties"]["replacements"]
    schema["required"] = ["account_id"]
    schema["anyOf"] = [{"required": ["strategy_name"]}, {"required": ["notification"]}]


class AccountEntry(Account, extra="forbid"):
    """One account. ``notification`` and ``rebalancing`` are the older places of the strategy and the reserve."""

    model_config = ConfigDict(json_schema_extra=_as_people_write_it)

    notification: NotificationEntry | None = None
    rebalancing: RebalancingEntry | None = None
    allocations: Annotated[  # pyright: ignore[reportIncompatibleVariableOverride] # it only gets stricter
        AllocationsEntry,
        BeforeValidator(_list_as_weights),
        WithJsonSchema({"anyOf": [_INLINE_SCHEMA, AllocationsEntry.model_json_schema()]}),
    ] = AllocationsEntry()
    replacements: Annotated[tuple[Replacement, ...], Field(max_length=0)] = ()
    guards: GuardsEntry = GuardsEntry()  # pyright: ignore[reportIncompatibleVariableOverride]
    approval: Annotated[  # pyright: ignore[reportIncompatibleVariableOverride]
        ApprovalEntry,
        BeforeValidator(_word_as_requirement),
        WithJsonSchema({"anyOf": [_REQUIRED_SCHEMA, ApprovalEntry.model_json_schema()]}),
    ] = ApprovalEntry()

    order_policy: OrderPolicyEntry = OrderPolicyEntry()  # pyright: ignore[reportIncompatibleVariableOverride]
    symbol_order_policies: BySymbol[OrderPolicyEntry] = {}  # pyright: ignore[reportIncompatibleVariableOverride]

    @model_validator(mode="before")
    @classmethod
    def _older_names(cls, value: object) -> object:
        """Bring the older names to the present ones, unless both are given and differ."""
        if not isinstance(value, dict):
            return value
        entry = dict(cast("dict[str, object]", value))
        if "strategy_name" not in entry:
            entry |= _inner(entry, "notification", ("channel",), "strategy_name")
        if "cash_reserve_percent" not in entry:
            entry |= _inner(entry, "rebalancing", RESERVE_NAMES, "cash_reserve_percent")
        if "type" not in entry:
            entry["type"] = AccountType.of(str(entry.get("account_id")))
        return entry

    @model_validator(mode="after")
    def _consistent(self) -> "AccountEntry":
        if self.notification and self.notification.channel != self.strategy_name:
            raise ValueError("strategy_name and notification.channel differ: keep one of them")
        given = [getattr(self.rebalancing, name) for name in RESERVE_NAMES] if self.rebalancing else []
        if any(reserve not in (None, self.cash_reserve_percent) for reserve in given):
            raise ValueError("the cash reserve is given twice with different values: keep cash_reserve_percent")
        if self.type is AccountType.LIVE and AccountType.of(self.account_id) is AccountType.PAPER:
            raise ValueError(f"{self.account_id} is a paper account by its number, but its type is live")
        return self


def _inner(entry: dict[str, object], block: str, names: tuple[str, ...], target: str) -> dict[str, object]:
    inner = entry.get(block)
    if not isinstance(inner, dict):
        return {}
    fields = cast("dict[str, object]", inner)
    return next(({target: fields[name]} for name in names if fields.get(name) is not None), {})


class ReplacementEntry(Replacement, extra="forbid"):
    """Hold ``target`` instead of ``source``, ``scale`` times as much of it."""


class ConcurrencyEntry(ConcurrencySettings, extra="forbid"):
    """How much happens at once, and how long each step may take."""


class RetryEntry(RetrySettings, extra="forbid"):
    """How retryable faults are tried again."""


class QuotesEntry(QuoteSettings, extra="forbid"):
    """Quotes: how long they are shared, and which are refused."""


class EventsEntry(EventSettings, extra="forbid"):
    """Which events are still carried out."""


class FiguresEntry(FiguresSettings, extra="forbid"):
    """How closely an account must agree with what the broker says it is worth."""


class ApiEntry(_Strict):
    """The allocations API; ``{base_url}/{strategy_name}/allocations`` is asked."""

    base_url: WebAddress | None = None


class ConfigurationFile(Settings, extra="forbid"):
    """All of ``accounts.yaml``. A file that is only a list holds the accounts."""

    accounts: tuple[AccountEntry, ...]
    replacement_sets: dict[str, tuple[ReplacementEntry, ...]] = {}
    allocations: ApiEntry = ApiEntry()
    concurrency: ConcurrencyEntry = ConcurrencyEntry()  # pyright: ignore[reportIncompatibleVariableOverride]
    retry: RetryEntry = RetryEntry()  # pyright: ignore[reportIncompatibleVariableOverride]
    quotes: QuotesEntry = QuotesEntry()  # pyright: ignore[reportIncompatibleVariableOverride]
    events: EventsEntry = EventsEntry()  # pyright: ignore[reportIncompatibleVariableOverride]
    figures: FiguresEntry = FiguresEntry()  # pyright: ignore[reportIncompatibleVariableOverride]


BLOCKS: dict[tuple[str, ...], type[BaseModel]] = {
    (): ConfigurationFile,
    ("accounts", "*"): AccountEntry,
    ("accounts", "*", "notification"): NotificationEntry,
    ("accounts", "*", "rebalancing"): RebalancingEntry,
    ("accounts", "*", "allocations"): AllocationsEntry,
    ("accounts", "*", "guards"): GuardsEntry,
    ("accounts", "*", "approval"): ApprovalEntry,
    ("accounts", "*", "order_policy"): OrderPolicyEntry,
    ("accounts", "*", "symbol_order_policies", "*"): OrderPolicyEntry,
    ("replacement_sets", "*", "*"): ReplacementEntry,
    ("allocations",): ApiEntry,
    ("concurrency",): ConcurrencyEntry,
    ("retry",): RetryEntry,
    ("quotes",): QuotesEntry,
    ("events",): EventsEntry,
    ("figures",): FiguresEntry,
}
"""The model of every block of the file, ``*`` for a list position or a name of one's own: where keys are looked up."""


def known_keys(path: tuple[str | int, ...]) -> list[str]:
    """The keys allowed in the block at this path."""
    for pattern, model in BLOCKS.items():
        if len(pattern) == len(path) and all(p in ("*", part) for p, part in zip(pattern, path, strict=True)):
            return [name for name in model.model_fields if name != "replacements"]
    return []
