"""What may be written in ``accounts.yaml``: every key with its meaning, default, what it allows and an example."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple, cast

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from configuration.blocks import ANY, BlockPath, inner_blocks, written_fields
from configuration.configuration_file import ConfigurationFile

DEFAULTS: Final[Mapping[str, str]] = {
    "accounts[].type": "by the number: `D…` is paper",
    "accounts[].gateway": "the one without a name",
    "accounts[].quotes_needed": "`live` for live accounts, `delayed` for paper accounts",
    "accounts[].order_policy.cushion_percent": "`0.1`, `2`",
    "accounts[].lots": "`1` each",
    "accounts[].allocations": "the allocations API",
    "accounts[].order_policy": "market orders",
    "concurrency.max_concurrent_rebalances": "accounts interleave",
    "seals": "`required` where there is a key",
}
"""Defaults that depend on something else, or that say more than that there is none."""

EXAMPLES: Final[Mapping[str, str]] = {
    "accounts[].account_id": "DU7654321",
    "accounts[].strategy_name": "etf-blend-301-20",
    "accounts[].alias": "pension",
    "accounts[].type": "paper",
    "accounts[].held_out": '[VTI, "BRK B"]',
    "accounts[].maximum_turnover_percent": "20",
    "accounts[].never_buy": "[TSLA]",
    "accounts[].never_sell": "[VTI]",
    "accounts[].lots": "{VTI: 10}",
    "accounts[].gateway": "east",
    "accounts[].replacement_set": "ira",
    "accounts[].allocations.url": "https://example.com/global-momentum.json",
    "accounts[].allocations.file": "all-weather.json",
    "accounts[].allocations.weights": "{VTI: 0.6, BND: 0.3, CASH: 0.1}",
    "accounts[].guards.maximum_order_value": "50000",
    "accounts[].guards.maximum_turnover_percent": "60",
    "accounts[].guards.maximum_weight_percent": "40",
    "accounts[].guards.maximum_allocations_age_days": "3",
    "accounts[].guards.minimum_symbols": "3",
    "accounts[].guards.maximum_target_change_percent": "50",
    "accounts[].quotes_needed": "delayed",
    "accounts[].order_policy.cushion_percent": "0.1",
    "accounts[].symbol_order_policies": "{EDC: {type: MOC}}",
    "accounts[].notification.channel": "etf-blend-301-20",
    "accounts[].rebalancing.cash_reserve_percent": "1.0",
    "accounts[].rebalancing.equity_reserve_percentage": "1.0",
    "accounts[].rebalancing.cash_reserve_percentage": "1.0",
    "concurrency.max_concurrent_rebalances": "1",
    "gateway_restart": "23:45 US/Eastern",
    "seals": "required",
    "replacement_sets.<name>[].source": "UVXY",
    "replacement_sets.<name>[].target": "VXX",
    "replacement_sets.<name>[].scale": "1.5",
    "allocations.base_url": "https://example.com/api/v1/strategies",
    "http.names": "[rebalancer.example.com]",
    "http.certificate": "certificate.pem",
    "http.certificate_key": "key.pem",
    "http.proxy": "10.0.0.2",
    "http.temporal_ui": "http://127.0.0.1:8233",
    "alerts.receivers": "{phone: urgent, mail: all, ops: [failed, incomplete]}",
    "alerts.digest_at": "18:00 Europe/Berlin",
    "alerts.no_event_days": "40",
    "alerts.gateway_login_ends": "SUN 01:00 America/New_York",
    "alerts.templates": "alert-words",
    "alerts.dashboard_url": "http://127.0.0.1:8000",
    "alerts.temporal_ui_url": "http://127.0.0.1:8233",
    "alerts.ably_channel": "rebalancer-outcomes",
}
"""What a key may look like where its default does not show it; as YAML."""


class Setting(NamedTuple):
    """One key, as people write it: ``accounts[].type``, ``replacement_sets.<name>[].scale``.

    ``path`` is where files have it, ``default`` and ``meaning`` are Markdown, ``example`` is YAML, empty for a block of
    keys.
    """

    path: BlockPath
    key: str
    meaning: str
    default: str
    allowed: str
    example: str
    is_needed: bool

    @property
    def name(self) -> str:
        """The key within its block."""
        return self.key.rpartition(".")[2].removesuffix("[]")


def settings() -> Iterator[Setting]:
    """Everything that may be written, each block's keys after the block."""
    yield from _settings(ConfigurationFile, (), {})


def _settings(model: type[BaseModel], path: BlockPath, listed: dict[type[BaseModel], str]) -> Iterator[Setting]:
    """A block's keys, each followed by those of the blocks in it; those of a block that was listed are not repeated."""
    schema = model.model_json_schema()
    for name, field in written_fields(model).items():
        key, found = _written((*path, name)), list(inner_blocks(field.annotation))
        elsewhere = [f"The keys are those of `{listed[inner]}`." for _, inner in found if inner in listed]
        meaning = " ".join([*(field.description or "").split(), *elsewhere])
        default = DEFAULTS.get(key) or _default(field, has_keys=bool(found))
        example = EXAMPLES.get(key) or ("" if found else _plain_default(field))
        yield Setting(
            (*path, name),
            key,
            meaning,
            default,
            _told(schema["properties"][name], schema.get("$defs", {})),
            example,
            field.is_required(),
        )
        for way, inner in found:
            if inner not in listed:
                listed[inner] = key
                yield from _settings(inner, (*path, name, *way), listed)


def _written(path: BlockPath) -> str:
    key = ""
    for number, part in enumerate(path):
        if part != ANY:
            key += f".{part}" if key else part
        elif path[:number] == ("replacement_sets",):
            key += ".<name>"
        else:
            key += "[]"
    return key


def _default(field: FieldInfo, *, has_keys: bool) -> str:
    if field.is_required():
        return "needed"
    value = _value(field)
    if isinstance(value, BaseModel) or (has_keys and value is None):
        return ""
    if value is None or value in ((), frozenset(), {}):
        return "none"
    return f"`{_yaml(value)}`"


def _plain_default(field: FieldInfo) -> str:
    value = None if field.is_required() else _value(field)
    return "" if value is None or isinstance(value, BaseModel) else _yaml(value)


def _value(field: FieldInfo) -> object:
    return cast("object", field.get_default(call_default_factory=True))  # pyright: ignore[reportCallIssue]


def _yaml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if value in ((), frozenset()):
        return "[]"
    if isinstance(value, Decimal):
        return f"{value:f}"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _told(schema: Mapping[str, Any], named: Mapping[str, Any]) -> str:
    """What a JSON Schema allows, in words; empty where the meaning has to say it."""
    if "$ref" in schema:
        return _told(named[schema["$ref"].rpartition("/")[2]], named)
    if "anyOf" in schema:
        return next((told for each in schema["anyOf"] if (told := _told(each, named))), "")
    if "enum" in schema:
        return f"one of {', '.join(schema['enum'])}"
    if schema.get("type") == "boolean":
        return "one of true, false"
    if schema.get("type") in ("number", "integer"):
        return _number_told(schema)
    return ""


def _number_told(schema: Mapping[str, Any]) -> str:
    what = "a whole number" if schema["type"] == "integer" else "a number"
    bounds = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}
    return ", ".join([what, *(f"{word} {schema[bound]:.15g}" for bound, word in bounds.items() if bound in schema)])
