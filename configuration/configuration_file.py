"""The form of ``accounts.yaml``: our own names, and those of the original system's files.

These models only read; ``configuration.configuration`` turns them into accounts and settings.
"""

from typing import Annotated, Any, Self, cast

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from configuration.alert_settings import AlertSettings
from configuration.http_settings import HttpSettings
from rebalancing.account_names import Alias
from rebalancing.accounts import Account, AccountNumber, AccountType, AllocationsSource, ReservePercent
from rebalancing.approval import ApprovalRequired, ApprovalRules
from rebalancing.base import ConfiguredModel, FrozenModel
from rebalancing.settings import Settings
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
        "additionalProperties": True,
        "properties": {"symbol": {"type": "string"}, "allocation": {"type": "number", "minimum": 0, "maximum": 1}},
    },
}

_REQUIRED_SCHEMA: dict[str, Any] = {"enum": list(ApprovalRequired)}


class NotificationEntry(ConfiguredModel):
    """The original's way to name the strategy."""

    channel: str
    """The same as `strategy_name`."""


OlderReserve = Annotated[ReservePercent | None, Field(description="The same as the account's `cash_reserve_percent`.")]


class RebalancingEntry(FrozenModel):
    """The original's way to name the cash reserve."""

    cash_reserve_percent: OlderReserve = None
    equity_reserve_percentage: OlderReserve = None
    cash_reserve_percentage: OlderReserve = None


def _word_as_requirement(value: object) -> object:
    """A word in place of the block says when approval is required."""
    return {"required": value} if isinstance(value, str) else value


def _list_as_weights(value: object) -> object:
    """A list in place of the block holds the weights themselves."""
    return {"weights": value} if isinstance(value, list) else value


def _as_people_write_it(schema: dict[str, Any]) -> None:
    """The strategy may be named in either place, the type follows from the number, the set brings its rules."""
    del schema["properties"]["replacements"]
    schema["required"] = ["account_id"]
    schema["anyOf"] = [{"required": ["strategy_name"]}, {"required": ["notification"]}]


class AccountEntry(Account):
    """One account. ``notification`` and ``rebalancing`` are the older places of the strategy and the reserve."""

    model_config = ConfigDict(json_schema_extra=_as_people_write_it)

    account_id: AccountNumber
    """IBKR account number."""
    alias: Alias | None = None
    """What the account is called in the place of its number: in ids, logs, alerts and commands. How to give one:
    `docs/encryption.md`."""
    allocations: Annotated[
        AllocationsSource,
        BeforeValidator(_list_as_weights),
        WithJsonSchema({"anyOf": [_INLINE_SCHEMA, AllocationsSource.model_json_schema()]}),
    ] = Field(default=AllocationsSource(), description=Account.model_fields["allocations"].description)
    approval: Annotated[
        ApprovalRules,
        BeforeValidator(_word_as_requirement),
        WithJsonSchema({"anyOf": [_REQUIRED_SCHEMA, ApprovalRules.model_json_schema()]}),
    ] = Field(default=ApprovalRules(), description=Account.model_fields["approval"].description)
    replacements: Annotated[tuple[Replacement, ...], Field(max_length=0)] = ()
    notification: NotificationEntry | None = None
    """The original's place of the strategy's name."""
    rebalancing: RebalancingEntry | None = None
    """The original's place of the cash reserve, by the names it had."""

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

    @property
    def name(self) -> str:
        """What the account is called."""
        return self.alias or self.account_id

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


class ApiEntry(ConfiguredModel):
    """The allocations API; ``{base_url}/{strategy_name}/allocations`` is asked."""

    base_url: WebAddress | None = None
    """`{base_url}/{strategy_name}/allocations` is asked."""


class ConfigurationFile(Settings):
    """All of ``accounts.yaml``. A file that is only a list holds the accounts."""

    accounts: tuple[AccountEntry, ...]
    """The accounts; at least one."""
    replacement_sets: dict[str, tuple[Replacement, ...]] = {}
    """Sets by name: what is held instead of symbols that an account may not trade."""
    allocations: ApiEntry = ApiEntry()
    """The allocations API."""
    http: HttpSettings = HttpSettings()
    """The HTTP API."""
    alerts: AlertSettings = AlertSettings()
    """Who is told what has happened, and how."""

    @classmethod
    def strictly(cls, content: object) -> Self:
        """Read what the file says; a key that is unknown at any level is an error, unlike in payloads."""
        return cls.model_validate(content, extra="forbid")


def file_schema() -> dict[str, Any]:
    """The JSON Schema of the file, as strict as its reading."""
    schema = ConfigurationFile.model_json_schema(by_alias=True)
    _close(schema)
    return schema


def _close(schema: object) -> None:
    """Allow no other keys in any object that lists its own."""
    if isinstance(schema, list):
        for each in cast("list[object]", schema):
            _close(each)
    elif isinstance(schema, dict):
        fields = cast("dict[str, object]", schema)
        if "properties" in fields and fields.get("type") == "object":
            fields.setdefault("additionalProperties", False)
        for each in fields.values():
            _close(each)
